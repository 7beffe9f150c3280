package main

import (
	"bytes"
	"fmt"
	"path"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// reasons is the enum whose values the errors of calls are.
const reasons = "ErrorReason"

// introduction is what the page begins with.
const introduction = `# API reference

This page is generated from the comments in ` + "`proto/reactor/v1`" + ` by ` + "`make proto`" + `. [clients.md](../clients.md)
says how to be a client: how to connect, to submit, to watch and to follow output, and which errors to try again.

A message field that is absent has its zero value. Every call may fail with the errors that
[` + reasons + `](#errorreason) lists for every call, besides its own.
`

// page is the page being written.
type page struct {
	bytes.Buffer
	names   map[string]bool // what has a heading: services, calls, messages and enums
	reasons map[string]bool // the values of ErrorReason without their prefix
	section string          // the heading that is being written below
	failed  error           // the first failure
}

// render returns the page of the files.
func render(files []*protogen.File) ([]byte, error) {
	p := &page{names: map[string]bool{}, reasons: map[string]bool{}}
	for _, file := range files {
		p.declare(file)
	}
	p.WriteString(introduction)
	p.contents(files)
	for _, file := range files {
		for _, service := range file.Services {
			p.service(service)
		}
	}
	for _, file := range files {
		p.types(file)
	}
	return p.Bytes(), p.failed
}

func (p *page) printf(format string, args ...any) { fmt.Fprintf(p, format, args...) }

func (p *page) fail(format string, args ...any) {
	if p.failed == nil {
		p.failed = fmt.Errorf(format, args...)
	}
}

// declare notes what will have headings, and which reasons there are.
func (p *page) declare(file *protogen.File) {
	for _, service := range file.Services {
		p.name(service.Desc)
		for _, method := range service.Methods {
			p.name(method.Desc)
		}
	}
	for _, message := range file.Messages {
		p.name(message.Desc)
	}
	for _, enum := range file.Enums {
		p.name(enum.Desc)
		if enum.Desc.Name() != reasons {
			continue
		}
		for _, value := range enum.Values {
			p.reasons[strings.TrimPrefix(string(value.Desc.Name()), "ERROR_REASON_")] = true
		}
	}
}

func (p *page) name(d protoreflect.Descriptor) {
	name := string(d.Name())
	if p.names[name] {
		p.fail("%s: the page has a heading %q already", d.FullName(), name)
	}
	p.names[name] = true
}

// contents writes the table of contents.
func (p *page) contents(files []*protogen.File) {
	for _, file := range files {
		for _, service := range file.Services {
			p.printf("\n**%s** %s\n\n", link(string(service.Desc.Name())), p.summary(service.Desc, service.Comments.Leading))
			p.printf("| call | what it does |\n|---|---|\n")
			for _, method := range service.Methods {
				p.printf("| %s | %s |\n", link(string(method.Desc.Name())), p.summary(method.Desc, method.Comments.Leading))
			}
		}
	}
	p.printf("\n**Messages and enums**")
	separator := ": "
	for _, file := range files {
		title := typesTitle(file)
		p.printf("%s[%s](#%s)", separator, title, anchor(title))
		separator = ", "
	}
	p.printf("\n")
}

// summary returns the first sentence of a comment, without the name that it begins with.
func (p *page) summary(d protoreflect.Descriptor, comment protogen.Comments) string {
	return p.cell(withoutName(string(d.Name()), firstSentence(comment)))
}

// about returns a comment for a cell beside the name that it begins with.
func (p *page) about(d protoreflect.Descriptor, comment protogen.Comments) string {
	return p.cell(withoutName(string(d.Name()), strings.Join(paragraphs(comment), " ")))
}

// begin begins the section of a heading.
func (p *page) begin(level string, d protoreflect.Descriptor) {
	p.section = string(d.Name())
	p.printf("\n%s %s\n", level, p.section)
}

// service writes a service and its calls.
func (p *page) service(service *protogen.Service) {
	p.begin("##", service.Desc)
	p.printf("\n`%s`\n", service.Desc.FullName())
	p.paragraphs(paragraphs(service.Comments.Leading))
	for _, method := range service.Methods {
		p.call(method)
	}
}

// call writes one call of a service.
func (p *page) call(method *protogen.Method) {
	p.begin("###", method.Desc)
	about, errors, ok := splitErrors(paragraphs(method.Comments.Leading))
	if !ok {
		p.fail("%s: the last paragraph of the comment does not list the reasons of errors, as \"Errors: A, B.\" or \"Errors: none.\"", method.Desc.FullName())
	}
	p.paragraphs(about)
	p.printf("\n- **Request**: %s\n", stream(method.Desc.IsStreamingClient(), method.Input))
	p.printf("- **Response**: %s\n", stream(method.Desc.IsStreamingServer(), method.Output))
	p.printf("- **Errors**: %s\n", p.errors(method, errors))
}

// stream returns the type of a request or response.
func stream(streams bool, message *protogen.Message) string {
	if streams {
		return "stream of " + link(string(message.Desc.Name()))
	}
	return link(string(message.Desc.Name()))
}

// errors returns the errors of a call, with a link to what they mean.
func (p *page) errors(method *protogen.Method, e errorList) string {
	const common = "[those of every call](#errorreason)"
	var b strings.Builder
	for _, reason := range e.reasons {
		if !p.reasons[reason] {
			p.fail("%s: there is no reason %q", method.Desc.FullName(), reason)
		}
		fmt.Fprintf(&b, "`%s`, ", reason)
	}
	b.WriteString(common)
	if e.remark != "" {
		b.WriteString(". " + p.prose(e.remark))
	}
	return b.String()
}

func typesTitle(file *protogen.File) string {
	return "Types of " + path.Base(file.Desc.Path())
}

// types writes the messages and enums of a file.
func (p *page) types(file *protogen.File) {
	p.printf("\n## %s\n", typesTitle(file))
	for _, message := range file.Messages {
		p.message(message)
	}
	for _, enum := range file.Enums {
		p.enum(enum)
	}
}

func (p *page) message(message *protogen.Message) {
	p.begin("###", message.Desc)
	p.paragraphs(paragraphs(message.Comments.Leading))
	if len(message.Fields) > 0 {
		p.printf("\n| field | type | description |\n|---|---|---|\n")
	}
	for _, field := range message.Fields {
		p.printf("| `%s` | %s | %s |\n", field.Desc.Name(), fieldType(field), p.about(field.Desc, field.Comments.Leading))
	}
	for _, nested := range message.Messages {
		if !nested.Desc.IsMapEntry() {
			p.fail("%s: nested messages are not rendered", nested.Desc.FullName())
		}
	}
}

// fieldType returns the type of a field, as a client author writes it.
func fieldType(field *protogen.Field) string {
	desc := field.Desc
	switch {
	case desc.IsMap():
		return fmt.Sprintf("map of %s to %s", typeName(desc.MapKey()), typeName(desc.MapValue()))
	case desc.IsList():
		return "list of " + typeName(desc)
	case desc.HasOptionalKeyword():
		return "optional " + typeName(desc)
	case field.Oneof != nil:
		return fmt.Sprintf("%s, one of `%s`", typeName(desc), field.Oneof.Desc.Name())
	}
	return typeName(desc)
}

// wellKnown says where the types of Google's are documented.
const wellKnown = "https://protobuf.dev/reference/protobuf/google.protobuf/#"

func typeName(field protoreflect.FieldDescriptor) string {
	var named protoreflect.Descriptor
	switch {
	case field.Message() != nil:
		named = field.Message()
	case field.Enum() != nil:
		named = field.Enum()
	default:
		return field.Kind().String()
	}
	name := string(named.Name())
	if named.ParentFile().Package() == "google.protobuf" {
		return fmt.Sprintf("[%s](%s%s)", name, wellKnown, strings.ToLower(name))
	}
	return link(name)
}

func (p *page) enum(enum *protogen.Enum) {
	p.begin("###", enum.Desc)
	p.paragraphs(paragraphs(enum.Comments.Leading))
	p.printf("\n| value | number | description |\n|---|---|---|\n")
	for _, value := range enum.Values {
		p.printf("| `%s` | %d | %s |\n", value.Desc.Name(), value.Desc.Number(), p.about(value.Desc, value.Comments.Leading))
	}
}
