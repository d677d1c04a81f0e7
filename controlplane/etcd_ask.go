package controlplane

import (
	"context"
	"errors"
	"fmt"
)

// ask puts a question to a member of etcd in a goroutine of its own, and waits for the
// answer no longer than a health check may take. A member that cannot write to its disk
// ends the goroutine that was to, with its locks held: whoever comes after waits for good.
func ask[T any](ctx context.Context, question func(context.Context) T) (answer T, err error) {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	answers := make(chan T, 1)
	go func() {
		defer close(answers)
		answers <- question(ctx)
	}()
	select {
	case answer, ok := <-answers:
		if !ok {
			err = errors.New("it does not answer: it has given up")
		}
		return answer, err
	case <-ctx.Done():
		return answer, fmt.Errorf("it does not answer: %w", ctx.Err())
	}
}
