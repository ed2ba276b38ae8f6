// Package analysis makes of texts the terms that Elasticsearch indexes for them. It has the standard analyser, which is
// that of every text field whose mapping and index settings name no other; it has no other one, and knows no fields.
//
// A text is split into words (Unicode Standard Annex 29), and each word becomes lower case.
package analysis

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/words"
)

// maxTerm is the number of characters, in UTF-16 units, after which the standard tokenizer splits a word.
const maxTerm = 255

// Standard returns the terms of a text, in their order. The position of a term is its index.
func Standard(text string) []string {
	var out []string
	for rest := text; rest != ""; {
		var word string
		if word, rest = next(rest); word != "" {
			out = appendTerms(out, word)
		}
	}
	return out
}

// next returns the first word of a text, "" if what stands first is no word, and what follows.
func next(text string) (word, rest string) {
	if n := complexRun(text); n > 0 {
		return text[:n], text[n:]
	}
	iter := words.FromString(text)
	if !iter.Next() {
		return "", ""
	}
	word = iter.Value()
	rest = text[len(word):]
	if !strings.ContainsFunc(word, isWordRune) {
		return "", rest
	}
	return word, rest
}

// isWordRune reports whether a character alone makes a word of what it stands in.
func isWordRune(r rune) bool {
	if r == closingMark {
		return false
	}
	return unicode.IsLetter(r) || unicode.In(r, unicode.Nd, unicode.Nl, pictures) || unicode.Is(unicode.Other_Alphabetic, r) && !unicode.IsMark(r)
}

// closingMark is a letter of Unicode, but no part of a word to the standard tokenizer.
const closingMark = '〆'

// pictures are the blocks of emoji, and the marks that make one of other characters. The decimal separator of Arabic digits is
// a word, as a digit is.
var pictures = &unicode.RangeTable{
	R16: []unicode.Range16{{0x066B, 0x066B, 1}, {0x20E3, 0x20E3, 1}, {0x2600, 0x27BF, 1}},
	R32: []unicode.Range32{{0x1F1E6, 0x1F1FF, 1}, {0x1F300, 0x1FAFF, 1}},
}

// complexScripts are written without blanks between words: a run of them is one word.
var complexScripts = []*unicode.RangeTable{unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Tai_Le, unicode.New_Tai_Lue, unicode.Tai_Tham, unicode.Tai_Viet}

// complexRun returns how many bytes of a text are of such scripts, with the marks and joiners after them.
func complexRun(text string) int {
	n := 0
	for i, r := range text {
		of := unicode.In(r, complexScripts...) && (isWordRune(r) || unicode.Is(unicode.Mn, r)) && !unicode.Is(unicode.Nd, r)
		if !of && (n == 0 || !unicode.In(r, unicode.Mn, unicode.Cf) || r == '\u200b') {
			break
		}
		n = i + utf8.RuneLen(r)
	}
	return n
}

// appendTerms appends the terms of a word.
func appendTerms(out []string, word string) []string {
	begin, units := 0, 0
	for i, r := range word {
		n := 1
		if r > 0xFFFF {
			n = 2
		}
		if units+n > maxTerm {
			out = append(out, Lower(word[begin:i]))
			begin, units = i, 0
		}
		units += n
	}
	return append(out, Lower(word[begin:]))
}

// Lower makes each character lower case by itself, as Elasticsearch does with terms and with patterns of them.
func Lower(s string) string { return strings.Map(unicode.ToLower, s) }
