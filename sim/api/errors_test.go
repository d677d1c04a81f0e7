package api

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
)

// TestErrorOfKeepsTheCode checks that an error answers with the code that it was made
// with, whatever was put around it, and one of nobody's with that of its status.
func TestErrorOfKeepsTheCode(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code string
		text string
	}{
		{Coded("InvalidParameter", "max surge %q", "x"), "InvalidParameter", `(InvalidParameter) max surge "x"`},
		{fmt.Errorf("update the cluster: %w", Coded("BadRequest", "no")), "BadRequest", "update the cluster: (BadRequest) no"},
		{errors.New("(NotFound) as a text"), "Conflict", "(NotFound) as a text"},
	} {
		e := ErrorOf(tt.err)
		if e.Code != tt.code || e.Message != tt.text || e.Status != http.StatusConflict || !HasCode(e, tt.code) {
			t.Errorf("%v: got %+v", tt.err, e)
		}
	}
}
