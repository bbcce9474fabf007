package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// cluster serves two nodes, in a process of its own. It prints their addresses.
func cluster() {
	good, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	hanging, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("http://%s http://%s\n", good.Addr(), hanging.Addr())
	go http.Serve(hanging, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { select {} }))
	http.Serve(good, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodHead {
			return
		}
		var hits []string
		for i := range 10 {
			hits = append(hits, fmt.Sprintf(`{"_index":"books","_type":"book","_id":"%d","_score":1,"_source":{"title":"Book %d"}}`, i, i))
		}
		fmt.Fprintf(w, `{"took":1,"timed_out":false,"hits":{"total":10,"max_score":1,"hits":[%s]}}`, strings.Join(hits, ","))
	}))
}

// startCluster runs this program again, as the cluster.
func startCluster() (urls []string, stop func(), err error) {
	c := exec.Command(os.Args[0], "cluster")
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := c.Start(); err != nil {
		return nil, nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, nil, err
	}
	return strings.Fields(line), func() { c.Process.Kill() }, nil
}
