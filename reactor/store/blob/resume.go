package blob

import (
	"crypto/sha256"
	"errors"
	"io"
	"os"
)

// PrefixBytes is what the prefixes of a Resume grow by.
const PrefixBytes = 1 << 20

// Resume says what of earlier uploads that broke off one may go on with. Anybody may have sent
// those: their bytes prove nothing until all of them are there.
type Resume struct {
	// Sender names who uploads. What the same sender left is gone on with, if it is not empty.
	Sender string
	// Prefixes are the digests of the first PrefixBytes of the blob, of the first 2*PrefixBytes, and
	// so on. What others left is gone on with as far as it agrees with them.
	Prefixes []Digest
}

// agreement returns how many of the first bytes that f has are what the prefixes promise.
func (r *Resume) agreement(f io.Reader) (int64, error) {
	h := sha256.New()
	agreed := int64(0)
	for _, want := range r.Prefixes {
		n, err := io.CopyN(h, f, PrefixBytes)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if n < PrefixBytes || Digest(h.Sum(nil)) != want {
			break
		}
		agreed += n
	}
	return agreed, nil
}

// goOn takes over a part that broke off, if there is one that may be gone on with.
func (u *Upload) goOn(resume Resume) {
	tried := make(map[*part]bool)
	for {
		p := u.dir.take(u.digest, func(p *part) bool {
			own := resume.Sender != "" && p.sender == resume.Sender
			return !tried[p] && p.size <= u.size && (own || len(resume.Prefixes) > 0)
		})
		if p == nil {
			return
		}
		tried[p] = true
		if u.adopt(p, resume) == nil && u.file != nil {
			return
		}
		u.dir.leave(p)
	}
}

// adopt goes on with a part as far as it may. It leaves the upload as it was if that is nowhere. A
// part that cannot be read is no fault of the upload.
func (u *Upload) adopt(p *part, resume Resume) error {
	f, err := os.OpenFile(p.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	offset := p.size
	if resume.Sender == "" || p.sender != resume.Sender {
		offset, err = resume.agreement(f)
	}
	if err == nil && offset > 0 {
		err = f.Truncate(offset)
	}
	if err == nil {
		_, err = f.Seek(offset, io.SeekStart)
	}
	if err != nil || offset == 0 {
		return errors.Join(err, f.Close())
	}
	p.size, p.sender = offset, resume.Sender
	u.part, u.file, u.offset = p, f, offset
	u.dir.begin(p)
	return nil
}
