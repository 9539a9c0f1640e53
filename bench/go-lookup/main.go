// GET /api/videos/:vid and the first page of GET /api/videos in Go: net/http, encoding/json, and a pgx pool with
// prepared statements. Sends the same bytes as fcgi-api, on a unix socket behind nginx.
//
// usage: go-lookup SOCKET DATABASE_URL CONNECTIONS
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

const (
	videosPath = "/api/videos/"

	pageLength = 50

	videoColumns = `v.id, v.author_id, u.name, v.title, v.description, v.create_time, v.size, v.content_type,
		coalesce((SELECT t.views FROM video_traffic t WHERE t.video_id = v.id), 0),
		EXISTS (SELECT FROM posters p WHERE p.video_id = v.id)`

	videoList = `SELECT ` + videoColumns + `
		FROM videos v JOIN users u ON u.id = v.author_id ORDER BY v.create_time DESC, v.id DESC LIMIT $1`

	videoGet = `SELECT ` + videoColumns + `
		FROM videos v JOIN users u ON u.id = v.author_id WHERE v.id = $1`
)

type video struct {
	ID          int64   `json:"id"`
	AuthorID    int64   `json:"author_id"`
	AuthorName  string  `json:"author_name"`
	Title       string  `json:"title"`
	Description string  `json:"description"`
	CreateTime  string  `json:"create_time"`
	State       string  `json:"state"`
	Size        *int64  `json:"size"`
	ContentType *string `json:"content_type"`
	StreamURL   *string `json:"stream_url"`
	PosterURL   *string `json:"poster_url"`
	Views       int64   `json:"views"`
}

type server struct {
	pool *pgxpool.Pool
}

func readRow(row pgx.Row) (*video, error) {
	v := &video{State: "created"}
	var created time.Time
	var poster bool
	err := row.Scan(
		&v.ID, &v.AuthorID, &v.AuthorName, &v.Title, &v.Description, &created, &v.Size, &v.ContentType,
		&v.Views, &poster)
	if err != nil {
		return nil, err
	}
	v.CreateTime = created.UTC().Format("2006-01-02T15:04:05Z")
	if v.Size != nil {
		url := fmt.Sprintf("/stream/videos/%d", v.ID)
		v.State, v.StreamURL = "ready", &url
	}
	if poster {
		url := fmt.Sprintf("/stream/videos/%d/poster", v.ID)
		v.PosterURL = &url
	}
	return v, nil
}

func (s *server) listVideos(w http.ResponseWriter, r *http.Request) {
	rows, err := s.pool.Query(r.Context(), "video_list", pageLength+1)
	videos := make([]*video, 0, pageLength+1)
	for err == nil && rows.Next() {
		var v *video
		if v, err = readRow(rows); err == nil {
			videos = append(videos, v)
		}
	}
	if err == nil {
		rows.Close()
		err = rows.Err()
	}
	if err != nil {
		log.Printf("videos: %v", err)
		http.Error(w, "the database failed", http.StatusInternalServerError)
		return
	}
	if len(videos) > pageLength {
		videos = videos[:pageLength]
	}
	body, err := json.Marshal(videos)
	if err != nil {
		http.Error(w, "cannot encode the videos", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(body)
}

func (s *server) getVideo(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(strings.TrimPrefix(r.URL.Path, videosPath), 10, 64)
	if err != nil || id < 1 {
		http.Error(w, "invalid id", http.StatusBadRequest)
		return
	}
	v, err := readRow(s.pool.QueryRow(r.Context(), "video_get", id))
	if errors.Is(err, pgx.ErrNoRows) {
		http.NotFound(w, r)
		return
	}
	if err != nil {
		log.Printf("video %d: %v", id, err)
		http.Error(w, "the database failed", http.StatusInternalServerError)
		return
	}
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "cannot encode the video", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(body)
}

// Opens a pool with a fixed number of connections, each with the statements prepared.
func connect(url string, connections int) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns, config.MinConns = int32(connections), int32(connections)
	config.ConnConfig.RuntimeParams["role"] = "video_api"
	config.AfterConnect = func(ctx context.Context, connection *pgx.Conn) error {
		if _, err := connection.Prepare(ctx, "video_list", videoList); err != nil {
			return err
		}
		_, err := connection.Prepare(ctx, "video_get", videoGet)
		return err
	}
	return pgxpool.ConnectConfig(context.Background(), config)
}

func run(socket, url, connections string) error {
	count, err := strconv.Atoi(connections)
	if err != nil {
		return err
	}
	pool, err := connect(url, count)
	if err != nil {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	s := &server{pool: pool}
	mux := http.NewServeMux()
	mux.HandleFunc(videosPath, s.getVideo)
	mux.HandleFunc(strings.TrimSuffix(videosPath, "/"), s.listVideos)
	return http.Serve(listener, mux)
}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: go-lookup SOCKET DATABASE_URL CONNECTIONS")
	}
	log.Fatal(run(os.Args[1], os.Args[2], os.Args[3]))
}
