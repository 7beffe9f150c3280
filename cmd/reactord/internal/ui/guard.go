package ui

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// headers are those of every answer. What the page is made of comes from this origin, and only its scripts run; text becomes no
// markup, whatever it is; no page has this one in a frame or reads what is here.
var headers = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
		"frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), geolocation=(), microphone=()",
}

// guarded refuses what a page of another origin has a browser send: requests that reach this address by a name of that page's own
// (DNS rebinding), and calls. A page could not read the answers anyway, and has no token; with --insecure-no-auth calls need none.
func guarded(names func(host string) bool, next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		switch {
		case !isOwn(r.Host, names):
			http.Error(w, "this page is not at that name: open it by the IP address, or as localhost", http.StatusMisdirectedRequest)
		case origins.Check(r) != nil, isCall(r) && !fromHere(r):
			http.Error(w, "only the page itself may call this address", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// isOwn reports whether a Host header is one by which the page may be reached. An IP address has no owner that could let it lead to
// another one.
func isOwn(header string, names func(host string) bool) bool {
	host := header
	if h, _, err := net.SplitHostPort(header); err == nil {
		host = h
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	host = strings.ToLower(host)
	return host == "localhost" || names(host)
}

// fromHere reports whether a call comes from the page, as far as the browser says so: older ones say it only by the Origin, which
// http.CrossOriginProtection has compared.
func fromHere(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "" || site == "same-origin"
}
