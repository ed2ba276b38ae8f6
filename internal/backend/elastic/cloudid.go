package elastic

import (
	"encoding/base64"
	"errors"
	"net"
	"regexp"
	"strings"
)

// cloudHost is a name of a host, with or without a port.
var cloudHost = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$`)

// CloudURL returns the address of the Elasticsearch of a cloud id: a label, and the encoded host and ids of the
// deployment.
func CloudURL(id string) (string, error) {
	bad := errors.New("elasticsearch: the cloud id is not of the form LABEL:BASE64, as the deployment shows it")
	id = strings.TrimSpace(id)
	encoded := id[strings.LastIndexByte(id, ':')+1:]
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		if data, err = base64.RawStdEncoding.DecodeString(encoded); err != nil {
			return "", bad
		}
	}
	parts := strings.Split(string(data), "$")
	if len(parts) < 2 || !cloudHost.MatchString(parts[0]) || !cloudHost.MatchString(parts[1]) {
		return "", bad
	}
	domain, port := parts[0], "443"
	if name, own, err := net.SplitHostPort(domain); err == nil {
		domain, port = name, own
	}
	host := parts[1]
	if name, own, err := net.SplitHostPort(host); err == nil {
		host, port = name, own
	}
	return "https://" + net.JoinHostPort(host+"."+domain, port), nil
}
