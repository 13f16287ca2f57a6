// Let Go's own transparency log code judge heads and inclusion proofs of ours.
//
// Reads one JSON object a line, as sigstore.mjs does. Writes one line for each: true, or false where it refuses.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type claim struct {
	Vkey, Origin, Note string
	Entry              []byte
	Index              int64
	Hashes             [][]byte
}

func (told claim) check() error {
	verifier, err := note.NewVerifier(told.Vkey)
	if err != nil {
		return err
	}
	opened, err := note.Open([]byte(told.Note), note.VerifierList(verifier))
	if err != nil {
		return err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != told.Origin || lines[3] != "" {
		return fmt.Errorf("a head has three lines, not %q", lines)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return err
	}
	root, err := hash(base64.StdEncoding.DecodeString(lines[2]))
	if err != nil {
		return err
	}
	proof := tlog.RecordProof{}
	for _, one := range told.Hashes {
		next, err := hash(one, nil)
		if err != nil {
			return err
		}
		proof = append(proof, next)
	}
	return tlog.CheckRecord(proof, size, root, told.Index, tlog.RecordHash(told.Entry))
}

func hash(content []byte, err error) (tlog.Hash, error) {
	made := tlog.Hash{}
	if err == nil && copy(made[:], content) != len(content) || len(content) != tlog.HashSize {
		return made, fmt.Errorf("a hash has %d bytes, not %d", tlog.HashSize, len(content))
	}
	return made, err
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		told := claim{}
		if err := json.Unmarshal(lines.Bytes(), &told); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(told.check() == nil)
	}
}
