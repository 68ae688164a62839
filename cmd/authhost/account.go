package main

import (
	"crypto/rand"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/latchkey-mfa/latchkey/internal/devaccounts"
	"github.com/spf13/cobra"
)

func accountCommand(s streams) *cobra.Command {
	c := &cobra.Command{Use: "account", Short: "Development accounts", Args: cobra.NoArgs}
	c.AddCommand(accountAdd(s), accountList(s))
	return c
}

func accountAdd(s streams) *cobra.Command {
	var path, password string
	var a devaccounts.Account
	c := &cobra.Command{
		Use:   "add --accounts FILE --name NAME --uid UID",
		Short: "Add an account; the password is asked for, or read from --password-file",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			complete(&a)
			typed, err := newPassword(s, password, "Password for "+a.Name)
			if err != nil {
				return err
			}
			defer clear(typed)
			if err := devaccounts.Add(rand.Reader, path, a, typed); err != nil {
				return hinted{err, "nothing was written; correct the flags or the file", exitNoLogin}
			}
			fmt.Fprintf(s.out, "added %s, uid %d, to %s\n", a.Name, a.UID, path)
			return nil
		},
	}
	set := c.Flags()
	set.StringVar(&path, "accounts", "", "account file, made when there is none")
	set.StringVar(&a.Name, "name", "", "short name")
	set.Uint32Var(&a.UID, "uid", 0, "uid")
	set.Uint32Var(&a.GID, "gid", 20, "primary group")
	set.StringVar(&a.GUID, "guid", "", "GeneratedUID (default: a random one)")
	set.StringVar(&a.FullName, "full-name", "", "full name (default: none)")
	set.StringArrayVar(&a.Aliases, "alias", nil, "another name that may be typed")
	set.StringVar(&a.Home, "home", "", "home folder (default: /Users/NAME)")
	set.StringVar(&a.Email, "email", "", "e-mail address (default: none)")
	set.StringVar(&password, "password-file", "", "file with the password, - for standard input (default: ask)")
	for _, needed := range []string{"accounts", "name", "uid"} {
		if err := c.MarkFlagRequired(needed); err != nil {
			panic(err) // a flag of that name was set just above
		}
	}
	return c
}

// complete fills in what may be left out.
func complete(a *devaccounts.Account) {
	if a.GUID == "" {
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
		b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
		a.GUID = strings.ToUpper(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]))
	}
	if a.Home == "" {
		a.Home = "/Users/" + a.Name
	}
}

func accountList(s streams) *cobra.Command {
	var path string
	c := &cobra.Command{
		Use: "list --accounts FILE", Short: "List the accounts of a file", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			file, err := devaccounts.Load(path)
			if err != nil {
				return hinted{err, "make one with 'authhost account add'", exitNoLogin}
			}
			table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "NAME\tUID\tFULL NAME\tALIASES\tGUID")
			for _, a := range file.All() {
				fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\n", a.Name, a.UID, a.FullName, strings.Join(a.Aliases, ","), a.GUID)
			}
			return table.Flush()
		},
	}
	c.Flags().StringVar(&path, "accounts", "", "account file")
	if err := c.MarkFlagRequired("accounts"); err != nil {
		panic(err) // a flag of that name was set just above
	}
	return c
}
