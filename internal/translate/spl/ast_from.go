package spl

// Datamodel reads the events of a dataset: the command from, or datamodel … search.
type Datamodel struct {
	At
	Model, Dataset string
	// Prefixed reports that field names are prefixed with the dataset, as datamodel does without flat.
	Prefixed bool
	// Own reports that it was written as datamodel.
	Own bool
}

// Command returns from or datamodel.
func (d *Datamodel) Command() string {
	if d.Own {
		return "datamodel"
	}
	return "from"
}

// String writes the command with its dataset.
func (d *Datamodel) String() string {
	if d.Own {
		mode := "flat"
		if d.Prefixed {
			mode = "search"
		}
		return line("datamodel", quote(d.Model), quote(d.Dataset), mode)
	}
	name := d.Model
	if d.Dataset != "" {
		name += "." + d.Dataset
	}
	return "from datamodel " + quote(name)
}
