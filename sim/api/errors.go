package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"demarc/sim/fault"
)

// Error says why something that was asked for was not done: the one kind of error that the
// management API answers with.
type Error struct {
	// Code names the error for programs, as Azure's codes do: NotFound, Conflict.
	Code string `json:"code"`
	// Status is the HTTP status: 4xx if the request was wrong.
	Status  int    `json:"status"`
	Message string `json:"error"`
	// Hint says what to do about it, if there is something.
	Hint string `json:"hint,omitempty"`
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Errorf makes an error of an HTTP status.
func Errorf(status int, format string, args ...any) *Error {
	return &Error{Code: statusCode(status), Status: status, Message: fmt.Sprintf(format, args...)}
}

// Coded makes an error in Azure's words: a code of Azure's in parentheses, and what is
// wrong.
func Coded(code, format string, args ...any) *Error {
	return &Error{Code: code, Status: http.StatusConflict, Message: "(" + code + ") " + fmt.Sprintf(format, args...)}
}

// WithStatus is an error with another HTTP status; nil of none.
func WithStatus(status int, err error) error {
	if err == nil {
		return nil
	}
	return Errorf(status, "%v", err)
}

// ErrorOf is an error as the management API answers it. What says nothing else is a
// conflict: it cannot be done as it was asked.
func ErrorOf(err error) *Error {
	e := Error{Code: statusCode(http.StatusConflict), Status: http.StatusConflict}
	if known, ok := errors.AsType[*Error](err); ok {
		e = *known
	} else if _, ok := errors.AsType[*fault.Error](err); ok {
		e = *Errorf(http.StatusBadRequest, "")
	}
	e.Message = err.Error()
	return &e
}

// HasCode says whether an error is an [Error] of that code.
func HasCode(err error, code string) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == code
}

// statusCode is the code of errors that have none of their own.
func statusCode(status int) string { return strings.ReplaceAll(http.StatusText(status), " ", "") }

// ErrUnreachable says that no engine answers: it has ended, or it is stuck.
var ErrUnreachable = errors.New("the engine does not answer")
