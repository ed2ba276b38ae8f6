package correlating

import (
	"strconv"

	"tocsin/internal/match/condition"
	"tocsin/internal/query"
)

// PossibleOfExtended reports whether the need of an extended condition can be met by the rules that can have hits.
func PossibleOfExtended(holds func([]bool) bool, can []bool) bool {
	parts := make([]query.Need, len(can))
	for i := range can {
		parts[i] = query.Need{Of: strconv.Itoa(i), Where: condition.Const(true)}
	}
	need := combined(holds, parts)
	return need.Possible(func(leaf *query.Need) bool {
		if leaf.Where == condition.Expr(condition.Const(false)) {
			return false
		}
		i, _ := strconv.Atoi(leaf.Of)
		return can[i]
	})
}
