package event

import "strings"

// Language is one that the words for people are in, as BCP 47 names it.
type Language string

// The languages. English is the one that every word is in first, and that of
// the log and the command line.
const (
	English Language = "en"
	German  Language = "de"
)

// Languages are all of them, English first.
func Languages() []Language { return []Language{English, German} }

// lexicon is all that differs from one language to another.
type lexicon struct {
	words map[Code]text // nil: those of the catalogue
	// unknown are the words for a code that this version does not know.
	unknown text
	// phrases are the sentences of events, by phrase. A name in braces stands
	// for what the event says.
	phrases map[phrase]string
	// point stands before the tenths of a second.
	point string
	// lowers says that a title which goes on a sentence begins small.
	lowers bool
}

// text is what a notice says in one language.
type text struct {
	Title, What, Advice string
}

var lexicons = map[Language]*lexicon{
	English: {
		unknown: text{"Something happened", "This version has no words for {code}.", "Look at the history."},
		phrases: englishPhrases, point: ".", lowers: true,
	},
	German: {
		words:   germanWords,
		unknown: text{"Etwas ist geschehen", "Diese Version hat keine Worte für {code}.", "Im Verlauf nachsehen."},
		phrases: germanPhrases, point: ",",
	},
}

// lexiconOf is English for a language that there is none of.
func lexiconOf(lang Language) *lexicon {
	if l, ok := lexicons[lang]; ok {
		return l
	}
	return lexicons[English]
}

// DescribeIn returns the words for a code in a language, and plain words for
// one that this version does not know. How loudly and when it is told does not
// depend on the language.
func DescribeIn(lang Language, c Code) Words {
	l := lexiconOf(lang)
	w, known := catalogue[c]
	if !known {
		return Words{Title: l.unknown.Title, What: strings.ReplaceAll(l.unknown.What, "{code}", string(c)), Advice: l.unknown.Advice, Severity: Low}
	}
	if t, translated := l.words[c]; translated {
		w.Title, w.What, w.Advice = t.Title, t.What, t.Advice
	}
	return w
}

// In is the notice in the words of a language. Its evidence stays as it was
// written down. One that this version has no words for keeps its own.
func (n Notice) In(lang Language) Notice {
	if _, known := catalogue[n.Code]; !known || lang == English {
		return n
	}
	w := DescribeIn(lang, n.Code)
	n.Title, n.What, n.Advice = w.Title, w.What, w.Advice
	return n
}
