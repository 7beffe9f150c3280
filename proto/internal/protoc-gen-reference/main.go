package main

import (
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/pluginpb"
)

// output is the name of the generated file, in the folder that buf.gen.yaml names.
const output = "api.md"

func main() {
	protogen.Options{}.Run(func(plugin *protogen.Plugin) error {
		plugin.SupportedFeatures = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL)
		var files []*protogen.File
		for _, file := range plugin.Files {
			if file.Generate {
				files = append(files, file)
			}
		}
		text, err := render(files)
		if err != nil {
			return err
		}
		_, err = plugin.NewGeneratedFile(output, "").Write(text)
		return err
	})
}
