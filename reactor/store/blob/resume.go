package blob

import (
	"crypto/sha256"
	"errors"
	"io"
	"os"
)

// PrefixBytes is the step by which the prefixes of a Resume grow.
const PrefixBytes = 1 << 20

// Resume says which interrupted uploads an upload may resume. Anybody may have sent those: their bytes
// prove nothing until all of them are there.
type Resume struct {
	// Sender names who uploads. If it is not empty, uploads of the same sender are resumed.
	Sender string
	// Prefixes are the digests of the first PrefixBytes of the blob, of the first 2*PrefixBytes, and so on.
	// Uploads of others are resumed as far as their bytes agree with these.
	Prefixes []Digest
}

// agreement returns how many of the first bytes of f agree with the prefixes.
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

// resume takes over an interrupted part, if one may be resumed.
func (u *Upload) resume(resume Resume) {
	tried := make(map[*part]bool)
	for {
		p := u.dir.takeBroken(u.digest, func(p *part) bool {
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
		u.dir.addBroken(p)
	}
}

// adopt resumes a part as far as it may. It leaves the upload as it was if no byte may be used. A part
// that cannot be read is not an error of the upload.
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
	u.dir.addOpen(p)
	return nil
}
