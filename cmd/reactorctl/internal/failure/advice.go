package failure

import (
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/reactord/reactord/cmd/reactorctl/internal/reason"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// advice says what to do next about an error of the daemon, or nothing if its message says so already. has tells which
// flags the command has: what helps one command makes no sense for another.
func advice(info *errdetails.ErrorInfo, has func(flag string) bool) string {
	submits, id, module := has("memory"), info.GetMetadata()["workload"], info.GetMetadata()["module"]
	text := ""
	switch reason.OfInfo(info) {
	case reactorv1.ErrorReason_ERROR_REASON_MODULE_NOT_FOUND:
		text = noModule(module, submits)
	case reactorv1.ErrorReason_ERROR_REASON_MODULE_AMBIGUOUS:
		text = "give more digits; see `reactorctl module list`"
	case reactorv1.ErrorReason_ERROR_REASON_MODULE_IN_USE:
		text = "see which workloads use it with `reactorctl list --module MODULE`, and cancel them or wait for them"
	case reactorv1.ErrorReason_ERROR_REASON_WORKLOAD_NOT_FOUND:
		text = "see `reactorctl list`; results are deleted after a while"
	case reactorv1.ErrorReason_ERROR_REASON_WORKLOAD_EXISTS:
		text = "see it with `reactorctl status ID`; `reactorctl rm ID` frees the id once it has ended"
		if has("id") {
			text += "; without --id one is made"
		}
	case reactorv1.ErrorReason_ERROR_REASON_WORKLOAD_FINISHED:
		text = "see its output with `reactorctl logs ID`, and how it ended with `reactorctl status ID`"
	case reactorv1.ErrorReason_ERROR_REASON_WORKLOAD_UNFINISHED:
		text = "cancel it with `reactorctl cancel ID`, or wait for it with `reactorctl wait ID`"
		if has("force") {
			text += "; --force cancels it first"
		}
	case reactorv1.ErrorReason_ERROR_REASON_WORKLOAD_NOT_INTERACTIVE:
		text = "see its output with `reactorctl logs --follow ID`; submit it with --interactive to attach to it"
	case reactorv1.ErrorReason_ERROR_REASON_CURSOR_EXPIRED:
		text = "run the command again"
	case reactorv1.ErrorReason_ERROR_REASON_UNAUTHENTICATED:
		text = "name a file that has the token with --token-file or REACTORD_TOKEN_FILE, or set REACTORD_TOKEN"
	case reactorv1.ErrorReason_ERROR_REASON_DRAINING:
		text = "the daemon is shutting down or was drained; `reactorctl drain --undo` takes a drain back"
	}
	if id != "" {
		text = strings.ReplaceAll(text, " ID`", " "+id+"`")
	}
	if module != "" {
		text = strings.ReplaceAll(strings.ReplaceAll(text, " MODULE`", " "+module+"`"), "./MODULE", "./"+module)
	}
	return text
}

// leastDigits is how many digits of a digest the daemon takes for a module.
const leastDigits = 6

// noModule says what to do about a module that is not there, by what it was called.
func noModule(module string, submits bool) string {
	const list = "see `reactorctl module list`"
	switch {
	case strings.HasPrefix(module, "oci://"): // the daemon has asked a registry
		return ""
	case module != "" && len(module) < leastDigits && strings.Trim(module, "0123456789abcdef") == "":
		return fmt.Sprintf("if it is the beginning of a digest, give %d digits at least; %s", leastDigits, list)
	case !submits:
		return list
	case strings.HasPrefix(module, "sha256:"):
		return "push it with `reactorctl module push FILE`, or " + list
	}
	if host, rest, _ := strings.Cut(module, "/"); rest != "" && strings.ContainsAny(host, ".:") {
		return list + "; an artifact of a registry is oci://" + module + ", and a file or folder a path, such as ./MODULE"
	}
	return "push it with `reactorctl module push FILE`, or " + list + "; a file or folder is a path, such as ./MODULE"
}
