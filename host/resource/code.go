package resource

import "slices"

// Code names one sort of problem. Codes are stable: scripts and documentation
// refer to them, so a code is never renamed or given another meaning.
type Code string

const (
	CodeRead            Code = "BERTH_RES_READ"
	CodeSyntax          Code = "BERTH_RES_SYNTAX"
	CodeWrongType       Code = "BERTH_RES_WRONG_TYPE"
	CodeMissingField    Code = "BERTH_RES_MISSING_FIELD"
	CodeBadValue        Code = "BERTH_RES_BAD_VALUE"
	CodeBadName         Code = "BERTH_RES_BAD_NAME"
	CodeUnknownType     Code = "BERTH_RES_UNKNOWN_TYPE"
	CodeDuplicateName   Code = "BERTH_RES_DUPLICATE_NAME"
	CodeDuplicateField  Code = "BERTH_RES_DUPLICATE_FIELD"
	CodeNoSecretStore   Code = "BERTH_RES_NO_SECRET_STORE"
	CodeSecretStore     Code = "BERTH_RES_SECRET_STORE"
	CodeSecretCycle     Code = "BERTH_RES_SECRET_CYCLE"
	CodeSecret          Code = "BERTH_RES_SECRET"
	CodeTemplate        Code = "BERTH_RES_TEMPLATE"
	CodeEncryptionKey   Code = "BERTH_RES_ENCRYPTION_KEY"
	CodeSandboxKey      Code = "BERTH_RES_SANDBOX_KEY"
	CodeSandboxValue    Code = "BERTH_RES_SANDBOX_VALUE"
	CodeUnknownKind     Code = "BERTH_RES_UNKNOWN_KIND"
	CodeUnknownKey      Code = "BERTH_RES_UNKNOWN_KEY"
	CodeKeyCase         Code = "BERTH_RES_KEY_CASE"
	CodeDuplicateKey    Code = "BERTH_RES_DUPLICATE_KEY"
	CodeUnknownField    Code = "BERTH_RES_UNKNOWN_FIELD"
	CodeRepeatedField   Code = "BERTH_RES_REPEATED_FIELD"
	CodeShadowedField   Code = "BERTH_RES_SHADOWED_FIELD"
	CodeIgnoredValue    Code = "BERTH_RES_IGNORED_VALUE"
	CodeNotAllowedValue Code = "BERTH_RES_NOT_ALLOWED_VALUE"
	CodeEmptyField      Code = "BERTH_RES_EMPTY_FIELD"
	CodeIgnoredText     Code = "BERTH_RES_IGNORED_TEXT"
	CodeEnvBlocked      Code = "BERTH_RES_ENV_BLOCKED"
	CodeEnvUnset        Code = "BERTH_RES_ENV_UNSET"
	CodeDeprecated      Code = "BERTH_RES_DEPRECATED"
	CodeUnpinned        Code = "BERTH_RES_UNPINNED"
)

// CodeInfo describes a code.
type CodeInfo struct {
	Code     Code
	Severity Severity // in lax mode
	Strict   Severity // in strict mode
	Meaning  string   // one sentence, for documentation
}

// codes is the table of every code; Problem takes its severity from it.
var codes = []CodeInfo{
	{CodeRead, Error, Error, "A folder or file cannot be read."},
	{CodeSyntax, Error, Error, "A document is not valid YAML, or uses YAML that JSON cannot hold."},
	{CodeWrongType, Error, Error, "A field holds another type than it takes."},
	{CodeMissingField, Error, Error, "A required field is absent."},
	{CodeBadValue, Error, Error, "A field holds a value that cannot be used."},
	{CodeBadName, Error, Error, "A name cannot be used in a URL path."},
	{CodeUnknownType, Error, Error, "spec.type names no kind of component."},
	{CodeDuplicateName, Error, Error, "Two resources of one kind have the same name."},
	{CodeDuplicateField, Error, Error, "Two metadata names differ in upper and lower case only."},
	{CodeNoSecretStore, Error, Error, "A secretKeyRef has no auth.secretStore to read from."},
	{CodeSecretStore, Error, Error, "auth.secretStore names no secret store of this sidecar."},
	{CodeSecretCycle, Error, Error, "Secret stores need each other's secrets."},
	{CodeSecret, Error, Error, "A secret cannot be read."},
	{CodeTemplate, Error, Error, "A value refers to something this sidecar does not have."},
	{CodeEncryptionKey, Error, Error, "An encryption key is not a secretKeyRef."},
	{CodeSandboxKey, Error, Error, "A wasm. key is unknown, repeated or not a plain value."},
	{CodeSandboxValue, Error, Error, "A wasm. key holds a value that cannot be used."},
	{CodeUnknownKind, Warning, Error, "A document looks like a dapr.io resource, but its kind or apiVersion is not known."},
	{CodeUnknownKey, Warning, Error, "A key of a resource is not known and has no effect."},
	{CodeKeyCase, Warning, Error, "A key of a resource is spelt with other upper and lower case."},
	{CodeDuplicateKey, Warning, Error, "A key appears twice in one mapping; the last one counts."},
	{CodeUnknownField, Warning, Error, "The component does not know a metadata field."},
	{CodeRepeatedField, Warning, Error, "A metadata field appears twice; the last one counts."},
	{CodeShadowedField, Warning, Error, "A metadata value is not used because another one wins."},
	{CodeIgnoredValue, Warning, Error, "A value is not understood and read as something else."},
	{CodeNotAllowedValue, Warning, Error, "A metadata value is not one of the listed values."},
	{CodeEmptyField, Warning, Error, "A required metadata field is empty."},
	{CodeIgnoredText, Warning, Error, "A part of a file is not read."},
	{CodeEnvBlocked, Warning, Error, "An envRef names a variable that components may not read."},
	{CodeEnvUnset, Warning, Error, "An environment variable is not set and read as empty."},
	{CodeDeprecated, Warning, Warning, "A field still works and will go away."},
	{CodeUnpinned, Warning, Error, "A plugin is not pinned to a digest."},
}

// Codes returns the table of problem codes, for documentation.
func Codes() []CodeInfo { return append([]CodeInfo(nil), codes...) }

func (c Code) severity(strict bool) Severity {
	i := slices.IndexFunc(codes, func(i CodeInfo) bool { return i.Code == c })
	if strict {
		return codes[i].Strict
	}
	return codes[i].Severity
}

func (c Code) known() bool {
	return slices.ContainsFunc(codes, func(i CodeInfo) bool { return i.Code == c })
}
