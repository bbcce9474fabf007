// Package thumbs makes thumbnails side by side.
package thumbs

import (
	"errors"
	"hash/crc32"
	"time"

	"github.com/alitto/pond/v2"
)

// Maker has one pool for all pictures.
type Maker struct {
	pool pond.Pool
}

// Thumbnail is one size of a picture.
type Thumbnail struct {
	Size int
	Sum  uint32
	Data []byte
}

// New makes a maker with n workers.
func New(n int) *Maker { return &Maker{pool: pond.NewPool(n)} }

// CheckAll sums the blocks of what is stored, as soon as all of them are listed.
func (m *Maker) CheckAll(blocks int) {
	var block [512]byte
	listed := make(chan struct{})
	group := m.pool.NewGroup()
	for range blocks {
		group.Submit(func() {
			<-listed
			crc32.ChecksumIEEE(block[:])
		})
	}
	close(listed)
	group.Wait()
}

// Make makes a thumbnail of each size.
func (m *Maker) Make(picture []byte, sizes []int) ([]Thumbnail, error) {
	if len(picture) == 0 {
		return nil, errors.New("the picture is empty")
	}
	out := make([]Thumbnail, len(sizes))
	group := m.pool.NewGroup()
	for i, size := range sizes {
		group.SubmitErr(func() error {
			var err error
			out[i], err = shrink(picture, size)
			return err
		})
	}
	return out, group.Wait()
}

func shrink(picture []byte, size int) (Thumbnail, error) {
	step := len(picture) / size
	if step == 0 {
		return Thumbnail{}, errors.New("the picture is too small")
	}
	data := make([]byte, 0, size)
	for i := 0; i < len(picture) && len(data) < size; i += step {
		data = append(data, picture[i])
	}
	time.Sleep(500 * time.Microsecond) // the disk
	return Thumbnail{size, crc32.ChecksumIEEE(data), data}, nil
}
