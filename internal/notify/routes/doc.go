// Package routes reads the routes of notifications from a file (TOML), with their secrets from files and the environment.
package routes
