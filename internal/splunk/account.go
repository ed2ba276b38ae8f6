package splunk

// account is the memory that one command holds. What it has not given back at the end of its search is
// given back then.
type account struct {
	run     *run
	command string
	held    int
}

// account opens one.
func (r *run) account(command string) *account {
	a := &account{run: r, command: command}
	r.accounts = append(r.accounts, a)
	return a
}

// hold counts what the command keeps, and fails beyond what the search may.
func (a *account) hold(bytes int) error {
	a.held += bytes
	a.run.held += bytes
	if a.run.held > a.run.limit {
		return &LimitError{a.command, a.run.limit}
	}
	return nil
}

// release gives back what is no longer kept.
func (a *account) release(bytes int) {
	a.held -= bytes
	a.run.held -= bytes
}

// close gives back everything.
func (a *account) close() { a.release(a.held) }

// closeFrom closes the accounts that were opened since there were n.
func (r *run) closeFrom(n int) {
	for _, a := range r.accounts[n:] {
		a.close()
	}
	clear(r.accounts[n:])
	r.accounts = r.accounts[:n]
}

// fits fails for a value that by itself is more than a search may hold.
func (r *run) fits(command string, v Value) error {
	if v.size() > r.limit {
		return &LimitError{command, r.limit}
	}
	return nil
}

// kept are rows that a command holds.
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

// grow counts what was added to a row.
func (k *kept) grow(i, bytes int) error {
	k.sizes[i] += bytes
	return k.account.hold(bytes)
}

// drop lets the first row go.
func (k *kept) drop() {
	k.account.release(k.sizes[0])
	k.rows[0] = nil
	k.rows, k.sizes = k.rows[1:], k.sizes[1:]
}

// take lets one row go and returns it.
func (k *kept) take(i int) Row {
	row := k.rows[i]
	k.account.release(k.sizes[i])
	k.rows[i], k.sizes[i] = nil, 0
	return row
}

// drain lets all rows go, in order, each to visit.
func (k *kept) drain(visit func(i int, row Row) error) error {
	for i := range k.rows {
		if err := visit(i, k.take(i)); err != nil {
			return err
		}
	}
	k.rows, k.sizes = nil, nil
	return nil
}

// watched lets no row pass once the context has ended, wherever rows come from.
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
