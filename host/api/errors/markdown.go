package errors

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// WriteMarkdown writes the table as a page of documentation.
func WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Error codes of the API\n\n")
	b.WriteString("<!-- Generated from the table in host/api/errors by `go generate`; do not edit. -->\n\n")
	b.WriteString("Over HTTP an error is JSON with `errorCode`, `message` and, where a reason is named below, `details`.\n")
	b.WriteString("Over gRPC it is a status with the same message and details. Rows without a code answer with text alone.\n")
	group := ""
	for _, c := range Codes() {
		row := Describe(c)
		if row.Group != group {
			group = row.Group
			fmt.Fprintf(&b, "\n## %s\n\n| Code | Reason | HTTP | gRPC | Message | What to do |\n|---|---|---|---|---|---|\n", group)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n",
			code(row.Code), code(row.Reason), httpCell(row), row.GRPC, cell(message(row)), cell(row.Hint))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// message is a row's text with the names of its arguments in place of the verbs.
func message(row Row) string {
	if len(row.Args) == 0 {
		return row.Text
	}
	args := make([]any, len(row.Args))
	for i, a := range row.Args {
		args[i] = "<" + a + ">"
	}
	return fmt.Sprintf(strings.ReplaceAll(row.Text, "%d", "%s"), args...)
}

func httpCell(row Row) string {
	if row.HTTP == 0 {
		return ""
	}
	return fmt.Sprintf("%d %s", row.HTTP, http.StatusText(row.HTTP))
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

// cell makes a text fit into a table's cell.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;", "\n", " ").Replace(s)
}
