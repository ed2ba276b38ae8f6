// Package folder reads files of untrusted folders, such as rule packs from other people: with size limits,
// only regular files, and files named by other files only below the folder of these.
//
// [Walker.Walk] visits a folder, including the targets of links in it, and terminates whatever their targets;
// [Read] and [Head] read a file; [ReadBelow] reads a file that another file names. On [Disk], links are
// followed and recognized; other file systems have none.
package folder
