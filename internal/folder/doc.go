// Package folder reads the files of folders that people, and packs of rules of other people, fill:
// bounded, nothing that is no plain file, and what a file names only below the folder that names it.
//
// [Walk] visits a folder with what links in it lead to, and ends however those lead; [Read] and
// [Head] read a file; [ReadBelow] reads one that another file names. Over [Disk] links are followed
// and known for what they are; other file systems have none.
package folder
