// Package openapitest checks what a service answers against its OpenAPI 3.1
// description, and that tests produced every response that it describes. Only
// tests use it.
package openapitest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	validation "github.com/pb33f/libopenapi-validator/errors"
	"github.com/pb33f/libopenapi-validator/router"
	"github.com/pb33f/libopenapi-validator/schema_validation"
	"github.com/pb33f/libopenapi/datamodel/high/base"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

// problemSchema is the schema of the description that problem documents have.
const problemSchema = "Problem"

// Response names a response that a description promises.
type Response struct {
	Method, Path, Status string
}

// String implements fmt.Stringer.
func (r Response) String() string { return r.Method + " " + r.Path + " " + r.Status }

// Description is an OpenAPI document that remembers which of its responses
// were seen. It is safe for concurrent use.
type Description struct {
	err       error
	model     *v3.Document
	router    router.Router
	requests  validator.Validator
	responses validator.Validator
	schemas   schema_validation.SchemaValidator

	mu   sync.Mutex
	seen map[Response]bool
}

// New reads a description. What is wrong with it, its examples too, is the
// error of every Check, and of Main: so a test can keep it in a variable.
func New(document []byte) *Description {
	d := &Description{seen: map[Response]bool{}}
	d.err = d.load(document)
	return d
}

func (d *Description) load(document []byte) error {
	parsed, err := libopenapi.NewDocument(document)
	if err != nil {
		return fmt.Errorf("description: %w", err)
	}
	model, err := parsed.BuildV3Model()
	if err != nil {
		return fmt.Errorf("description: %w", err)
	}
	d.model = &model.Model
	d.router = router.NewRouter(d.model)
	formats := config.WithFormatAssertions()
	var errs []error
	if d.requests, errs = validator.NewValidator(parsed, formats); errs != nil {
		return fmt.Errorf("description: %w", errors.Join(errs...))
	}
	// Strict: headers that are not described are wrong in answers. Bodies are
	// left to additionalProperties, since strict mode misreads nested conditions.
	strict := []config.Option{formats, config.WithStrictMode(), config.WithStrictIgnorePaths("$.body.**")}
	if d.responses, errs = validator.NewValidator(parsed, strict...); errs != nil {
		return fmt.Errorf("description: %w", errors.Join(errs...))
	}
	d.schemas = schema_validation.NewSchemaValidator(formats)
	if valid, errs := d.requests.ValidateDocument(); !valid {
		return fmt.Errorf("description: %w", join(errs))
	}
	return d.checkExamples()
}

// Check says what is wrong with an answer to a request. Who is answered with
// success must have sent what is described; who is not may have sent anything.
// An answer to what is not described at all must be a problem document.
func (d *Description) Check(request *http.Request, requestBody []byte, answer *http.Response, answerBody []byte) error {
	if d.err != nil {
		return d.err
	}
	d.mu.Lock() // the validators are not safe for concurrent use, though they say so
	defer d.mu.Unlock()
	request, answer = withBody(request, requestBody), withAnswer(answer, answerBody) //nolint:bodyclose // a copy in memory
	if request.Method == http.MethodHead {
		request.Method = http.MethodGet // whose answer it is, without the body
	}
	path, described := d.find(request)
	if !described {
		return d.checkOutside(request, answer, answerBody)
	}
	if valid, errs := d.responses.ValidateHttpResponse(request, answer); !valid {
		return fmt.Errorf("%s %s answered %d: %w\n%s", request.Method, request.URL.Path, answer.StatusCode, join(errs), answerBody)
	}
	if answer.StatusCode < http.StatusBadRequest {
		if valid, errs := d.requests.ValidateHttpRequestSync(request); !valid {
			return fmt.Errorf("%s %s was answered %d, but is not described so: %w", request.Method, request.URL.Path, answer.StatusCode, join(errs))
		}
	}
	d.seen[Response{Method: request.Method, Path: path, Status: fmt.Sprint(answer.StatusCode)}] = true
	return nil
}

// find gives the path of the description that a request is for, if there is
// one with its method.
func (d *Description) find(request *http.Request) (path string, described bool) {
	route, err := d.router.FindRoute(request)
	if err != nil || strings.Contains(request.URL.Path, "//") {
		return "", false // the router overlooks empty segments
	}
	for _, value := range route.PathParams {
		if value == "" || strings.Contains(value, "/") {
			return "", false // the router takes more than a segment
		}
	}
	described = route.PathItem.GetOperations().GetOrZero(strings.ToLower(request.Method)) != nil
	return route.Path, described
}

// checkOutside checks the answer to a request whose path or method is not described.
func (d *Description) checkOutside(request *http.Request, answer *http.Response, body []byte) error {
	var problem *base.SchemaProxy
	if d.model.Components != nil && d.model.Components.Schemas != nil {
		problem = d.model.Components.Schemas.GetOrZero(problemSchema)
	}
	kind := answer.Header.Get("Content-Type")
	if problem == nil || kind != "application/problem+json" || answer.StatusCode < 400 || answer.StatusCode > 499 {
		return fmt.Errorf("%s %s is not described: answered %d with %q, want a problem document of status 4xx",
			request.Method, request.URL.Path, answer.StatusCode, kind)
	}
	if valid, errs := d.schemas.ValidateSchemaBytesWithVersion(problem.Schema(), body, 3.1); !valid {
		return fmt.Errorf("%s %s answered no problem document: %w\n%s", request.Method, request.URL.Path, join(errs), body)
	}
	return nil
}

// Unseen lists the described responses that no Check has seen.
func (d *Description) Unseen() []Response {
	if d.err != nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var unseen []Response
	for path, item := range d.model.Paths.PathItems.FromOldest() {
		for method, operation := range item.GetOperations().FromOldest() {
			for status := range operation.Responses.Codes.FromOldest() {
				response := Response{Method: strings.ToUpper(method), Path: path, Status: status}
				if !d.seen[response] {
					unseen = append(unseen, response)
				}
			}
		}
	}
	slices.SortFunc(unseen, func(a, b Response) int { return strings.Compare(a.String(), b.String()) })
	return unseen
}

// checkExamples checks the examples of answers against their schemas.
func (d *Description) checkExamples() error {
	for path, item := range d.model.Paths.PathItems.FromOldest() {
		for method, operation := range item.GetOperations().FromOldest() {
			for status, response := range operation.Responses.Codes.FromOldest() {
				for kind, media := range response.Content.FromOldest() {
					if err := d.checkExamplesOf(media); err != nil {
						return fmt.Errorf("description: %s %s %s, %s: %w", method, path, status, kind, err)
					}
				}
			}
		}
	}
	return nil
}

var errNoExample = errors.New("there is no example")

func (d *Description) checkExamplesOf(media *v3.MediaType) error {
	if media.Examples.Len() == 0 {
		return errNoExample
	}
	for name, example := range media.Examples.FromOldest() {
		var value any
		if err := example.Value.Decode(&value); err != nil {
			return fmt.Errorf("example %s: %w", name, err)
		}
		if valid, errs := d.schemas.ValidateSchemaObjectWithVersion(media.Schema.Schema(), value, 3.1); !valid {
			return fmt.Errorf("example %s: %w", name, join(errs))
		}
	}
	return nil
}

func join(errs []*validation.ValidationError) error {
	joined := make([]error, len(errs))
	for i, err := range errs {
		joined[i] = err
	}
	return errors.Join(joined...)
}
