// Package folder reads files of untrusted folders, such as rule packs of other people: with size
// limits, only regular files, and files named in other files only below the folder of those.
//
// [Walker.Walk] visits a folder, including the targets of links in it, and ends whatever their
// targets; [Read] and [Head] read a file; [ReadBelow] reads a file that another file names. Over
// [Disk] links are followed and recognized; other file systems have none.
package folder
