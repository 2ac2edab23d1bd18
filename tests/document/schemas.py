"""What readers of JUnit XML and SARIF insist on, written down as schemas; strict about what we write."""

from __future__ import annotations

from typing import Any

JUNIT_XSD = """<?xml version="1.0"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified">
  <xs:complexType name="told">
    <xs:simpleContent><xs:extension base="xs:string">
      <xs:attribute name="message" type="xs:string"/><xs:attribute name="type" type="xs:string" use="required"/>
    </xs:extension></xs:simpleContent>
  </xs:complexType>
  <xs:element name="testsuites">
    <xs:complexType>
      <xs:sequence>
        <xs:element name="testsuite" minOccurs="0" maxOccurs="unbounded">
          <xs:complexType>
            <xs:sequence>
              <xs:element name="properties" minOccurs="0"><xs:complexType><xs:sequence>
                <xs:element name="property" minOccurs="0" maxOccurs="unbounded"><xs:complexType>
                  <xs:attribute name="name" type="xs:string" use="required"/>
                  <xs:attribute name="value" type="xs:string" use="required"/>
                </xs:complexType></xs:element>
              </xs:sequence></xs:complexType></xs:element>
              <xs:element name="testcase" minOccurs="0" maxOccurs="unbounded"><xs:complexType>
                <xs:sequence>
                  <xs:choice minOccurs="0">
                    <xs:element name="skipped"><xs:complexType>
                      <xs:attribute name="message" type="xs:string"/>
                    </xs:complexType></xs:element>
                    <xs:element name="error" type="told"/><xs:element name="failure" type="told"/>
                  </xs:choice>
                  <xs:element name="system-out" type="xs:string" minOccurs="0"/>
                </xs:sequence>
                <xs:attribute name="name" type="xs:string" use="required"/>
                <xs:attribute name="classname" type="xs:string" use="required"/>
                <xs:attribute name="time" type="xs:decimal" use="required"/>
              </xs:complexType></xs:element>
            </xs:sequence>
            <xs:attribute name="name" type="xs:string" use="required"/>
            <xs:attribute name="timestamp" type="xs:dateTime" use="required"/>
            <xs:attribute name="hostname" type="xs:token" use="required"/>
            <xs:attribute name="tests" type="xs:nonNegativeInteger" use="required"/>
            <xs:attribute name="failures" type="xs:nonNegativeInteger" use="required"/>
            <xs:attribute name="errors" type="xs:nonNegativeInteger" use="required"/>
            <xs:attribute name="skipped" type="xs:nonNegativeInteger" use="required"/>
            <xs:attribute name="time" type="xs:decimal" use="required"/>
          </xs:complexType>
        </xs:element>
      </xs:sequence>
      <xs:attribute name="name" type="xs:string"/>
      <xs:attribute name="tests" type="xs:nonNegativeInteger"/>
      <xs:attribute name="failures" type="xs:nonNegativeInteger"/>
      <xs:attribute name="errors" type="xs:nonNegativeInteger"/>
      <xs:attribute name="skipped" type="xs:nonNegativeInteger"/>
      <xs:attribute name="time" type="xs:decimal"/>
    </xs:complexType>
  </xs:element>
</xs:schema>
"""


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": False,
    }


_TEXT: dict[str, Any] = {"type": "string"}
_MESSAGE = _object(["text"], text={"type": "string", "minLength": 1}, markdown=_TEXT)
_LEVEL = {"enum": ["none", "note", "warning", "error"]}
_RANK = {"type": "number", "minimum": 0, "maximum": 100}
_BAG = {"type": "object"}
_LOCATION = _object(
    [],
    id={"type": "integer", "minimum": 0},
    message=_MESSAGE,
    physicalLocation=_object(
        ["artifactLocation"],
        artifactLocation=_object(
            ["uri"],
            uri={"type": "string", "pattern": r"^[A-Za-z0-9._~!$&'()*+,;=:@/%-]+$"},
            uriBaseId=_TEXT,
        ),
        region=_object(
            [],
            startLine={"type": "integer", "minimum": 1},
            byteOffset={"type": "integer", "minimum": 0},
        ),
    ),
    logicalLocations={
        "type": "array",
        "items": _object([], name=_TEXT, fullyQualifiedName=_TEXT, kind=_TEXT),
    },
)

SARIF: dict[str, Any] = _object(
    ["version", "runs"],
    **{"$schema": {"type": "string", "format": "uri"}},
    version={"const": "2.1.0"},
    runs={
        "type": "array",
        "minItems": 1,
        "items": _object(
            ["tool", "results"],
            tool=_object(
                ["driver"],
                driver=_object(
                    ["name"],
                    name=_TEXT,
                    version=_TEXT,
                    semanticVersion=_TEXT,
                    rules={
                        "type": "array",
                        "uniqueItems": True,
                        "items": _object(
                            ["id", "help", "shortDescription", "fullDescription"],
                            id=_TEXT,
                            name={"type": "string", "pattern": "^[A-Z][A-Za-z0-9]+$"},
                            shortDescription=_MESSAGE,
                            fullDescription=_MESSAGE,
                            help=_MESSAGE,
                            helpUri={"type": "string", "format": "uri"},
                            defaultConfiguration=_object([], level=_LEVEL, rank=_RANK),
                            properties=_BAG,
                        ),
                    },
                ),
            ),
            originalUriBaseIds={
                "type": "object",
                "additionalProperties": _object([], uri=_TEXT, description=_MESSAGE),
            },
            invocations={
                "type": "array",
                "items": _object(
                    ["executionSuccessful"],
                    executionSuccessful={"type": "boolean"},
                    toolExecutionNotifications={
                        "type": "array",
                        "items": _object(["message"], level=_LEVEL, message=_MESSAGE),
                    },
                ),
            },
            results={
                "type": "array",
                "items": _object(
                    ["message", "ruleId", "partialFingerprints"],
                    ruleId=_TEXT,
                    ruleIndex={"type": "integer", "minimum": 0},
                    kind={"enum": ["pass", "fail", "informational"]},
                    level=_LEVEL,
                    rank=_RANK,
                    message=_MESSAGE,
                    locations={"type": "array", "minItems": 1, "items": _LOCATION},
                    relatedLocations={"type": "array", "items": _LOCATION},
                    partialFingerprints={"type": "object", "additionalProperties": _TEXT},
                    baselineState={"enum": ["new", "unchanged", "updated", "absent"]},
                    properties=_BAG,
                ),
            },
            columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            properties=_BAG,
        ),
    },
)
