package server

import (
	"google.golang.org/protobuf/proto"

	"github.com/reactord/reactord/reactor/api"
)

// maxPageBytes bounds a page of a list: less than the 4 MiB that gRPC clients accept by default.
const maxPageBytes = 3 << 20

// paged is a request for a page of a list.
type paged interface {
	GetPageSize() int32
	GetPageToken() string
}

func toPage(req paged) api.Page {
	return api.Page{Size: int(req.GetPageSize()), Token: req.GetPageToken()}
}

// fitting lists a page, and again with half as many elements while it is too large to send; list returns how
// many there were. A page may always have fewer elements than were asked for. A single element is sent however
// large it is.
func fitting[M proto.Message](page api.Page, list func(api.Page) (M, int, error)) (M, error) {
	for {
		resp, n, err := list(page)
		if err != nil {
			var none M
			return none, err
		}
		if n <= 1 || proto.Size(resp) <= maxPageBytes {
			return resp, nil
		}
		page.Size = n / 2
	}
}
