// Serves files with http.ServeContent, on a unix socket behind nginx.
//
// usage: go-files SOCKET FOLDER
package main

import (
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

type server struct {
	folder string
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/files/")
	file, err := os.Open(filepath.Join(s.folder, filepath.Clean("/"+name)))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.IsDir() {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "video/mp4")
	http.ServeContent(w, r, name, info.ModTime(), file)
}

func main() {
	socket, folder := os.Args[1], os.Args[2]
	listener, err := net.Listen("unix", socket)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.Chmod(socket, 0o666); err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, &server{folder: folder}))
}
