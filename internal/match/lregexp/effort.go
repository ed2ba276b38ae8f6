package lregexp

// Effort returns the work of making the automaton of a pattern deterministic as Lucene counts it: the sizes of
// the sets of states that its states stand for, together. It stops counting beyond a limit. Elasticsearch refuses
// a pattern that takes more than ten times max_determinized_states (10,000), of its own automaton, which may be
// somewhat larger.
func (r *Regexp) Effort(limit int) int {
	a := r.dfa.nfa
	r.dfa.mu.Lock()
	defer r.dfa.mu.Unlock()
	first := a.closure(append([]int32{}, a.start...))
	seen := map[string]bool{key(first): true}
	effort := 0
	for todo := [][]int32{first}; len(todo) > 0 && effort <= limit; {
		set := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		effort += len(set)
		for class := range a.classes.count() {
			next := a.move(set, uint16(class))
			if k := key(next); len(next) > 0 && !seen[k] {
				seen[k] = true
				todo = append(todo, next)
			}
		}
	}
	return effort
}
