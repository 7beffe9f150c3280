package failure

import (
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
)

// advice says what to do next about an error of the daemon, or nothing if its message says so already. has tells which
// flags the command has: what helps one command makes no sense for another.
func advice(info *errdetails.ErrorInfo, has func(flag string) bool) string {
	submits, id, module := has("memory"), info.GetMetadata()["workload"], info.GetMetadata()["module"]
	text := ""
	switch info.GetReason() {
	case "MODULE_NOT_FOUND":
		text = "see `reactorctl module list`"
		if submits {
			text = "push it with `reactorctl module push FILE`, or see `reactorctl module list`; a file or folder is a path, such as ./MODULE"
		}
	case "MODULE_AMBIGUOUS":
		text = "give more digits; see `reactorctl module list`"
	case "MODULE_IN_USE":
		text = "see which workloads use it with `reactorctl list --module MODULE`, and cancel them or wait for them"
	case "WORKLOAD_NOT_FOUND":
		text = "see `reactorctl list`; results are deleted after a while"
	case "WORKLOAD_EXISTS":
		text = "see it with `reactorctl status ID`"
		if has("id") {
			text += "; choose another --id, or leave it out to have one made"
		}
	case "WORKLOAD_FINISHED":
		text = "see its output with `reactorctl logs ID`, and how it ended with `reactorctl status ID`"
	case "WORKLOAD_UNFINISHED":
		text = "cancel it with `reactorctl cancel ID`, or wait for it with `reactorctl wait ID`"
		if has("force") {
			text += "; --force cancels it first"
		}
	case "WORKLOAD_NOT_INTERACTIVE":
		text = "only a workload that was submitted with --interactive can be attached to; see its output with `reactorctl logs --follow ID`"
	case "CURSOR_EXPIRED":
		text = "run the command again"
	case "UNAUTHENTICATED":
		text = "name a file that has the token with --token-file or REACTORD_TOKEN_FILE, or set REACTORD_TOKEN"
	case "DRAINING":
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
