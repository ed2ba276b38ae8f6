package main

import (
	"context"
	"fmt"

	"tocsin/internal/alert"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// alertGroups finds the alerts of sequences and samples.
type alertGroups struct {
	kept alert.Browser
	// fields is the mapping of the alerts.
	fields func(ctx context.Context, names []string) (mapping.Fields, error)
}

// of returns the groups with these ids: the group's own alert first, if there is one, then its members in their order.
func (g alertGroups) of(ctx context.Context, ids []string) (map[string][]alert.Document, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	shells, err := g.kept.GetAll(ctx, ids) // the id of the group is that of its alert
	if err != nil {
		return nil, fmt.Errorf("read alerts of sequences: %w", err)
	}
	var below []string
	for _, shell := range shells {
		for _, a := range event.Objects(shell.Source, "kibana.alert.ancestors") {
			if a["type"] == "signal" {
				below = append(below, event.First(a, "id"))
			}
		}
	}
	blocks, err := g.kept.GetAll(ctx, below)
	if err != nil {
		return nil, fmt.Errorf("read alerts of sequences: %w", err)
	}
	groups := map[string][]alert.Document{}
	for id, shell := range shells {
		groups[id] = []alert.Document{shell}
	}
	for _, b := range blocks {
		if id := event.First(b.Source, groupID); groups[id] != nil && isMember(b) {
			groups[id] = append(groups[id], b)
		}
	}
	for _, id := range ids {
		if groups[id] == nil {
			if groups[id], err = g.orphans(ctx, id); err != nil {
				return nil, err
			}
		}
	}
	return groups, nil
}

// orphans finds the members of a group that has no alert of its own.
func (g alertGroups) orphans(ctx context.Context, group string) ([]alert.Document, error) {
	fields, err := g.fields(ctx, []string{groupID})
	if err != nil {
		return nil, err
	}
	var found []alert.Document
	f := alert.Filter{Where: condition.Term{Field: groupID, Value: group}, Fields: fields, Limit: tablePage}
	err = g.kept.List(ctx, f, func(d alert.Document) (bool, error) {
		found = append(found, d)
		return true, nil
	})
	if err != nil {
		return nil, fmt.Errorf("read alerts of sequences: %w", err)
	}
	return found, nil
}
