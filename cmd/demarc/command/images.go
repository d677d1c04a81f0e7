package command

import (
	"os"

	"demarc/nodes/image"
	"demarc/sim/engine"
)

// ReadImages reads a file with a catalogue of images and checks it; without a file there is
// none.
func ReadImages(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", BadInput(err)
	}
	if _, problems := image.Parse(file, b); len(problems) > 0 {
		return "", &engine.InputError{Message: image.Error(problems).Error(), Hint: "demarc help images says what a catalogue can have"}
	}
	return string(b), nil
}

// Images is the catalogue with that of a file, if one is named.
func Images(file string) (*image.Catalogue, error) {
	text, err := ReadImages(file)
	if err != nil {
		return nil, err
	}
	return image.Load(file, text)
}
