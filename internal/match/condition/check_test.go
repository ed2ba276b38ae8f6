//go:build invariants

package condition

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"tocsin/internal/diag/invariants"
	"tocsin/internal/match/mapping"
)

// values is a document of texts.
type values map[string]string

func (v values) Values(f mapping.Field) []mapping.Value {
	if text, ok := v[f.Name]; ok {
		return []mapping.Value{{String: text}}
	}
	return nil
}

func (v values) HasObject(string) bool                  { return false }
func (v values) AnyObject(_ string, _ func() bool) bool { return false }

// Every check finds its fault, and names the condition.
func TestBrokenSets(t *testing.T) {
	fields := mapping.Table{"a": {Name: "a", Type: mapping.Keyword}, "b": {Name: "b", Type: mapping.Keyword}, "ip": {Name: "ip", Type: mapping.IP}}
	conditions := []Expr{
		And{Term{Field: "a", Value: "x"}, Not{Or{Wildcard{Field: "b", Pattern: "*secret*"}, Exists{Field: "b"}}}},
		Or{Wildcard{Field: "b", Pattern: "*secret*"}, Prefix{Field: "a", Value: "prefix"}, CIDR{Field: "ip", Networks: []string{"10.0.0.0/8"}}},
		Not{Exists{Field: "a"}},
	}
	check := func(s *Set) { s.graph.check(); s.arranged().check(s.graph) }
	tests := []struct {
		name, want string
		breaks     func(s *Set)
	}{
		{"nothing", "", func(*Set) {}},
		{"a part that comes later", "not one of those before", func(s *Set) { s.graph.parts[0] = int32(len(s.graph.nodes) - 1) }},
		{"a part twice", "or twice", func(s *Set) { s.graph.parts[1] = s.graph.parts[0] }},
		{"a list that two share", "not its own", func(s *Set) {
			for i := range s.graph.nodes {
				if n := &s.graph.nodes[i]; n.op != opLeaf && n.first > 0 {
					n.first = 0
					return
				}
			}
		}},
		{"a constant as a part", "has false as a part", func(s *Set) { s.graph.parts[0] = 0 }},
		{"a column that is not there", "column 7 of", func(s *Set) { s.graph.leaves[0].column = 7 }},
		{"another text", "compares with", func(s *Set) { s.graph.leaves[0].text = "y" }},
		{"a literal with an upper letter", "lowered", func(s *Set) { s.graph.tests[1].literals = [][]string{{"Secret"}} }},
		{"a root that is not there", "root of", func(s *Set) { s.graph.roots[1] = 99 }},
		{"networks of another test", "networks", func(s *Set) {
			for c := range s.graph.networks {
				s.graph.networks[c].add(netip.MustParsePrefix("::/0"), 0)
			}
		}},
		{"other parts in the arrangement", "is arranged as", func(s *Set) { s.arranged().parts[0] = s.arranged().parts[1] }},
		{"members in disorder", "not in order", func(s *Set) {
			for i := range s.arranged().led {
				if s.arranged().led[i] != nil {
					s.arranged().led[i] = []int32{1, 0}
				}
			}
		}},
		{"a member that nothing leads to", "anchor", func(s *Set) { s.arranged().led = make([][]int32, len(s.graph.nodes)) }},
		{"a test that nothing leads to", "nothing leads to", func(s *Set) { s.arranged().index = newIndex(newRates(s.graph), nil, nil, nil) }},
		{"a member with too few tests", "(prefix a", func(s *Set) {
			for i, led := range s.arranged().led {
				if len(led) == 1 && led[0] == 1 {
					s.arranged().led[i] = nil
					return
				}
			}
		}},
		{"a wrong answer", `alone true, for (and (term a "x")`, func(s *Set) {
			for i := range s.graph.leaves {
				s.graph.leaves[i].text = "other"
			}
			s.NewMatching().Match(s.Of(values{"a": "x"}), nil)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			members := make([]Member, len(conditions))
			for i, e := range conditions {
				members[i] = Member{Expr: e, Fields: fields}
			}
			set, _ := NewSet(members)
			said := func() (said string) {
				defer func() {
					if v := recover(); v != nil {
						said = fmt.Sprint(v)
						if _, ok := v.(invariants.Broken); !ok {
							t.Errorf("a crash: %v", v)
						}
					}
				}()
				tt.breaks(set)
				check(set)
				return ""
			}()
			if (tt.want == "") != (said == "") || !strings.Contains(said, tt.want) {
				t.Errorf("said %q, want %q", said, tt.want)
			}
		})
	}
}
