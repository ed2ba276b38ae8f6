package splunk

// account counts the memory that one command holds. The search releases the rest at its end.
type account struct {
	run     *run
	command string
	held    int
}

// account opens an account.
func (r *run) account(command string) *account {
	a := &account{run: r, command: command}
	r.accounts = append(r.accounts, a)
	return a
}

// hold counts n more bytes, and fails if the search exceeds its memory limit.
func (a *account) hold(bytes int) error {
	a.held += bytes
	a.run.held += bytes
	if a.run.held > a.run.limit {
		return &LimitError{a.command, a.run.limit}
	}
	return nil
}

// release subtracts bytes that the command no longer holds.
func (a *account) release(bytes int) {
	a.held -= bytes
	a.run.held -= bytes
}

// close releases everything.
func (a *account) close() { a.release(a.held) }

// closeFrom closes the accounts that were opened after the first n.
func (r *run) closeFrom(n int) {
	for _, a := range r.accounts[n:] {
		a.close()
	}
	clear(r.accounts[n:])
	r.accounts = r.accounts[:n]
}

// fits returns an error for a single value that exceeds the memory limit of a search.
func (r *run) fits(command string, v Value) error {
	if v.size() > r.limit {
		return &LimitError{command, r.limit}
	}
	return nil
}

// kept holds the rows of a command and counts their memory.
type kept struct {
	account *account
	rows    []Row
	sizes   []int
}

func (k *kept) add(row Row) error {
	size := row.size()
	k.rows, k.sizes = append(k.rows, row), append(k.sizes, size)
	return k.account.hold(size)
}

// grow counts bytes that were added to a row.
func (k *kept) grow(i, bytes int) error {
	k.sizes[i] += bytes
	return k.account.hold(bytes)
}

// drop removes the first row.
func (k *kept) drop() {
	k.account.release(k.sizes[0])
	k.rows[0] = nil
	k.rows, k.sizes = k.rows[1:], k.sizes[1:]
}

// take removes and returns one row.
func (k *kept) take(i int) Row {
	row := k.rows[i]
	k.account.release(k.sizes[i])
	k.rows[i], k.sizes[i] = nil, 0
	return row
}

// drain removes all rows in order and passes each to visit.
func (k *kept) drain(visit func(i int, row Row) error) error {
	for i := range k.rows {
		if err := visit(i, k.take(i)); err != nil {
			return err
		}
	}
	k.rows, k.sizes = nil, nil
	return nil
}

// watched stops passing rows once the context has ended.
type watched struct {
	next stage
	run  *run
}

func (w watched) row(row Row) error {
	if err := w.run.alive(); err != nil {
		return err
	}
	return w.next.row(row)
}

func (w watched) end() error {
	if err := w.run.alive(); err != nil {
		return err
	}
	return w.next.end()
}
