package wasihttp

import (
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// maxText bounds the parts of a request that are one text.
const maxText = 8 << 10

// ValidMethod reports whether a method is one.
func ValidMethod(method string) bool {
	return len(method) <= maxText && httpguts.ValidHeaderFieldName(method) // both are tokens
}

// ValidScheme reports whether a scheme is one.
func ValidScheme(scheme string) bool {
	if scheme == "" || len(scheme) > maxText {
		return false
	}
	for i := range len(scheme) {
		c := scheme[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || (c < '0' || c > '9') && !strings.ContainsRune("+-.", rune(c))) {
			return false
		}
	}
	return true
}

// ValidPathWithQuery reports whether a path, with a query or without one, is one that a message can carry.
func ValidPathWithQuery(path string) bool {
	if len(path) > maxText {
		return false
	}
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c == 0x7f || strings.IndexByte("\"#<>\\^`{|}", c) >= 0 {
			return false
		}
	}
	return true
}

// ValidAuthority reports whether an authority is one: a host with or without a port, and perhaps a user before it.
func ValidAuthority(authority string) bool {
	host := authority
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		if host = authority[at+1:]; !validRegName(authority[:at], ":") {
			return false
		}
	}
	if len(authority) > maxText {
		return false
	}
	if strings.HasPrefix(host, "[") {
		end := strings.IndexByte(host, ']')
		return end > 1 && strings.Trim(host[1:end], "0123456789abcdefABCDEF:.") == "" && validPort(host[end+1:])
	}
	name, port := host, ""
	if colon := strings.IndexByte(host, ':'); colon >= 0 {
		name, port = host[:colon], host[colon:]
	}
	return name != "" && validRegName(name, "") && validPort(port)
}

// validPort reports whether a text is empty, or a colon with a port.
func validPort(text string) bool {
	if text == "" {
		return true
	}
	digits, ok := strings.CutPrefix(text, ":")
	_, err := strconv.ParseUint(digits, 10, 16)
	return ok && err == nil
}

// validRegName reports whether a text has the characters of a reg-name and others alone.
func validRegName(text, others string) bool {
	for i := range len(text) {
		c := text[i]
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9', strings.IndexByte("-._~!$&'()*+,;=%"+others, c) >= 0:
		default:
			return false
		}
	}
	return true
}

// ValidStatus reports whether a status code is one.
func ValidStatus(status int) bool { return 100 <= status && status <= 599 }
