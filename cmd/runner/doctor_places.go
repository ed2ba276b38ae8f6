package main

import (
	"context"
	"fmt"
	"slices"

	"tocsin/internal/backend/elastic"
)

// installable is a place that the runner makes when it is missing.
type installable interface {
	Installed(ctx context.Context) (bool, error)
}

// misfitting is a place whose mapping may differ from Tocsin's.
type misfitting interface {
	Misfits(ctx context.Context) ([]elastic.Misfit, error)
}

// places are those of a namespace that the rules need.
type places struct {
	aliases []*elastic.Alerts
	all     []namedPlace
	// made are the templates that the next run makes.
	made []string
}

type namedPlace struct {
	name  string
	place installable
}

// placesOf returns the places of the namespace.
func (d *doctor) placesOf(client *elastic.Client, use elastic.Use) (places, error) {
	var p places
	add := func(name string, place installable, err error) error {
		if err == nil {
			p.all = append(p.all, namedPlace{name, place})
		}
		return err
	}
	alerts, err := d.alertIndex(client)
	if err != nil {
		return p, err
	}
	if err := add("alias ["+alerts.Alias()+"]", alerts, nil); err != nil {
		return p, err
	}
	p.aliases = append(p.aliases, alerts)
	if use.Scores {
		risk, err := elastic.NewRisk(client, use.Namespace)
		if err := add("alias ["+elastic.RiskAlias(use.Namespace)+"]", risk, err); err != nil {
			return p, err
		}
		p.aliases = append(p.aliases, risk)
	}
	book, err := elastic.NewLedger(client, use.Namespace)
	if err := add("ledger", book, err); err != nil {
		return p, err
	}
	leases, err := elastic.NewLeases(client, use.Namespace)
	if err := add("leases", leases, err); err != nil {
		return p, err
	}
	if use.Notifies {
		outbox, err := elastic.NewOutbox(client, use.Namespace)
		if err := add("outbox", outbox, err); err != nil {
			return p, err
		}
	}
	if use.WritesTables {
		tables, err := elastic.NewTables(client, use.Namespace)
		if err := add("lookup tables", tables, err); err != nil {
			return p, err
		}
	}
	if use.Notifies {
		outbox, err := elastic.NewOutbox(client, use.Namespace)
		if err := add("notifications", outbox, err); err != nil {
			return p, err
		}
	}
	return p, nil
}

// installed checks templates and indices, and reports whether the next run makes some.
func (d *doctor) installed(ctx context.Context, p *places) (makes bool) {
	const made = "the next run makes it, with the privileges of a first run; or: runner setup templates --apply"
	current := 0
	told := map[string]bool{}
	for _, a := range p.aliases {
		states, err := a.TemplateStates(ctx)
		if err != nil {
			d.unknown("templates", a.Alias(), err)
		}
		for _, s := range states {
			if told[s.Name] { // the fields of ECS are shared
				continue
			}
			told[s.Name] = true
			p.made = append(p.made, s.Name) // unless it is as it should be
			switch {
			case s.Missing:
				d.add("templates", statusWarn, s.Name, "it is missing", made)
			case s.Foreign:
				d.add("templates", statusWarn, s.Name, "it is not Tocsin's", "keep a copy under another name: the next run replaces it")
			case !s.Current():
				d.add("templates", statusWarn, s.Name, fmt.Sprintf("it is of an older release (version %d)", s.Version), made)
			default:
				current++
				p.made = p.made[:len(p.made)-1]
				continue
			}
			makes = true
		}
	}
	if current > 0 {
		d.add("templates", statusOK, "", count(current, "template")+" as Tocsin makes them", "")
	}
	there := 0
	for _, one := range p.all {
		found, err := one.place.Installed(ctx)
		switch {
		case err != nil:
			d.add("indices", statusFail, one.name, oneLine(err.Error()), "")
		case !found:
			d.add("indices", statusWarn, one.name, "it is missing", made)
			makes = true
		default:
			there++
		}
	}
	if there > 0 {
		d.add("indices", statusOK, "", fmt.Sprintf("%d of %d are there", there, len(p.all)), "")
	}
	return makes
}

// misfits checks the mappings of the indices that are there, and of those that templates will make.
func (d *doctor) misfits(ctx context.Context, p places) {
	bad := false
	for _, one := range p.all {
		m, ok := one.place.(misfitting)
		if !ok {
			continue
		}
		found, err := m.Misfits(ctx)
		found = slices.DeleteFunc(found, func(m elastic.Misfit) bool { return slices.Contains(p.made, m.Place) })
		for _, misfit := range found {
			d.add("mappings", statusFail, misfit.Place, "it is not as Tocsin makes it: "+misfit.Differences(), misfit.WayOut)
		}
		if err != nil {
			d.unknown("mappings", one.name, err)
		}
		bad = bad || err != nil || len(found) > 0
	}
	if !bad {
		d.add("mappings", statusOK, "", "nothing differs from what Tocsin makes", "")
	}
}
