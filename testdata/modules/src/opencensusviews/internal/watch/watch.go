// Package watch shows what single jobs do, as views that exist while the job runs.
package watch

import (
	"context"
	"fmt"

	"go.opencensus.io/stats"
	"go.opencensus.io/stats/view"
	"go.opencensus.io/tag"
)

var (
	chunk   = stats.Int64("batch/chunk", "Size of a chunk", stats.UnitBytes)
	account = tag.MustNewKey("account")
	kind    = tag.MustNewKey("kind")
	stage   = tag.MustNewKey("stage")
)

// Job is watched from Start to Stop.
type Job struct {
	ctx  context.Context
	view *view.View
}

// Start registers the view of a job.
func Start(id int, who string) (*Job, error) {
	ctx, err := tag.New(context.Background(), tag.Insert(account, who), tag.Insert(kind, "import"))
	if err != nil {
		return nil, err
	}
	v := &view.View{
		Name:        fmt.Sprintf("batch/job/%08d", id),
		Description: fmt.Sprintf("Sizes of the chunks of job %08d of %s, by stage", id, who),
		Measure:     chunk,
		TagKeys:     []tag.Key{account, kind, stage},
		Aggregation: view.Distribution(0, 64, 256, 1<<10, 4<<10, 16<<10, 64<<10, 256<<10, 1<<20),
	}
	if err := view.Register(v); err != nil {
		return nil, err
	}
	return &Job{ctx, v}, nil
}

// Chunk records a chunk.
func (j *Job) Chunk(name string, size int) {
	stats.RecordWithTags(j.ctx, []tag.Mutator{tag.Upsert(stage, name)}, chunk.M(int64(size)))
}

// Stop removes the view.
func (j *Job) Stop() { view.Unregister(j.view) }
