package sigma

import "strings"

// Is reports whether a file in YAML is Sigma's, by the keys that stand at the beginning of its lines: a
// file that is damaged can be told, too.
func Is(content string) bool {
	keys := topKeys(content)
	if keys["search"] {
		return false
	}
	return keys["detection"] || keys["logsource"] || keys["correlation"] || keys["filter"] || keys["title"] && keys["action"]
}

// known are the keys that tell.
var known = []string{"detection", "logsource", "correlation", "filter", "title", "action", "search"}

func topKeys(content string) map[string]bool {
	keys := map[string]bool{}
	for line := range strings.Lines(content) {
		if line[0] == ' ' || line[0] == '#' || line[0] == '-' {
			continue
		}
		line = strings.TrimPrefix(line, "\ufeff")
		for _, k := range known {
			if rest, ok := strings.CutPrefix(line, k); ok && strings.HasPrefix(strings.TrimLeft(rest, " "), ":") {
				keys[k] = true
			}
		}
	}
	return keys
}
