// SPDX-License-Identifier: Apache-2.0
// The small parts of the monitor: detach keys, exit records, the runtime's words, kills, queues.
#include <array>
#include <cstring>
#include <sys/socket.h>
#include <sys/wait.h>

#include "runtime/monitor/detach_keys.h"
#include "runtime/monitor/exit_record.h"
#include "runtime/monitor/oom_kills.h"
#include "runtime/monitor/out_queue.h"
#include "runtime/monitor/peer.h"
#include "runtime/monitor/runtime_call.h"
#include "runtime/monitor/session.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::monitor;

TEST_CASE("detach keys are read as docker writes them", "[monitor]") {
    CHECK(must(parse_detach_keys("ctrl-p,ctrl-q")) == kDefaultDetachKeys);
    CHECK(must(parse_detach_keys("a,b")) == "ab");
    CHECK(must(parse_detach_keys("ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_")) ==
          std::string("\0\x1b\x1c\x1d\x1e\x1f", 6));
    CHECK(must(parse_detach_keys("")).empty());
    for (const char *wrong : {"ctrl-", "ctrl-1", "ctrl-A", "ab", "a,", ",a", "a,,b", "CTRL-a", "ctrl-pp"}) {
        CAPTURE(wrong);
        CHECK(error_of(parse_detach_keys(wrong)).message.starts_with("Unknown character: '"));
    }
}

TEST_CASE("keys that turn out to be none reach the program, in their order", "[monitor]") {
    const auto typed = [](const std::string &keys, const std::vector<std::string> &pieces, bool &detached) {
        DetachFilter filter(keys);
        std::string passed;
        detached = false;
        for (const std::string &piece : pieces) {
            detached = detached || filter.feed(piece, passed);
        }
        return passed + filter.take_rest();
    };
    bool detached = false;
    CHECK(typed("ab", {"xaby"}, detached) == "x");
    CHECK(detached);
    CHECK(typed("ab", {"x", "a", "b"}, detached) == "x");
    CHECK(detached);
    CHECK(typed("ab", {"aac"}, detached) == "aac");
    CHECK_FALSE(detached);
    CHECK(typed("aab", {"aaab"}, detached) == "a"); // the sequence starts in the middle of what looked like it
    CHECK(detached);
    CHECK(typed("abac", {"ababac"}, detached) == "ab");
    CHECK(detached);
    CHECK(typed("abac", {"aba"}, detached) == "aba");
    CHECK_FALSE(detached);
    CHECK(typed("", {"ab"}, detached) == "ab");
    CHECK_FALSE(detached);
}

TEST_CASE("an exit record is the same after writing and reading", "[monitor]") {
    const ExitRecord record{.pid = 12,
                            .end = {.known = true,
                                    .status = 139,
                                    .signal = 11,
                                    .time_ns = 1'700'000'000'123'456'789,
                                    .output_complete = true},
                            .oom_kills = 2,
                            .lost_log_bytes = 1ULL << 40,
                            .stopped = true};
    CHECK(must(parse_exit_record(exit_record_text(record), "f")) == record);
    CHECK(must(parse_exit_record(exit_record_text({}), "f")) == ExitRecord{});
    std::string older = exit_record_text({});
    older.erase(older.find(",\"stopped\""), std::string_view(",\"stopped\":false").size());
    CHECK(must(parse_exit_record(older, "f")) == ExitRecord{});
}

TEST_CASE("an exit record that makes no sense is refused with its name", "[monitor]") {
    const std::string good = exit_record_text({});
    for (const auto &[from, to] : std::vector<std::pair<std::string, std::string>>{{"\"version\":1", "\"version\":2"},
                                                                                   {"\"status\":0", "\"status\":256"},
                                                                                   {"\"known\":false", "\"known\":0"},
                                                                                   {"\"pid\":0,", ""},
                                                                                   {"\"pid\"", "\"more\":1,\"pid\""},
                                                                                   {"}", ""}}) {
        std::string text = good;
        text.replace(text.find(from), from.size(), to);
        CAPTURE(text);
        CHECK(error_of(parse_exit_record(text, "exit.json")).message.starts_with("exit.json: "));
    }
}

TEST_CASE("of the runtime's log the last error counts", "[monitor]") {
    CHECK(logged_error("time=\"1\" level=error msg=\"first\"\ntime=\"2\" level=error msg=\"say \\\"hi\\\"\\n\\x1b\"\n"
                       "time=\"3\" level=warning msg=\"late\"\n") == "say \"hi\"\n\x1b");
    CHECK_FALSE(logged_error("").has_value());
    CHECK_FALSE(logged_error("time=\"3\" level=warning msg=\"x\"\n").has_value());
    CHECK(logged_error("t level=error msg=\"cut \\x") == "cut x"); // whatever stands there, it ends
}

TEST_CASE("kills are found among the events of a cgroup", "[monitor]") {
    CHECK(oom_kills_in("low 0\nhigh 0\nmax 5\noom 3\noom_kill 2\noom_group_kill 9\n") == 2);
    CHECK(oom_kills_in("low 0\n") == 0);
    CHECK(oom_kills_in("") == 0);
}

TEST_CASE("kills are counted from the cgroup's start, and each is told once", "[monitor]") {
    const TemporaryDirectory directory = scratch();
    must(write_file(directory.path() / "memory.events", "oom_kill 4\n"));
    OomKills kills = must(OomKills::open(directory.path()));
    CHECK(kills.look()); // quicker than we were
    CHECK(kills.count() == 4);
    CHECK_FALSE(kills.look());
    must(write_file(directory.path() / "memory.events", "oom_kill 6\n"));
    CHECK(kills.look());
    CHECK(kills.count() == 6);
    CHECK_FALSE(kills.look());
    CHECK(OomKills().count() == 0);
    CHECK(error_of(OomKills::open(directory.path() / "none")).code == ENOENT);
}

TEST_CASE("a wait status becomes what docker shows", "[monitor]") {
    CHECK(end_of(0x0300).status == 3);
    CHECK(end_of(0x0300).signal == 0);
    CHECK(end_of(9).status == 137);
    CHECK(end_of(9 | 0x80).signal == 9); // with a core
    CHECK(end_of(std::nullopt).status == 255);
    CHECK_FALSE(end_of(std::nullopt).known);
}

TEST_CASE("bytes and descriptors leave a queue in their order", "[monitor]") {
    std::array<int, 2> ends{};
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0);
    const Fd here(ends[0]);
    const Fd there(ends[1]);
    OutQueue queue;
    const std::string large(1 << 20, 'x');
    queue.add(large);
    queue.add("fd", must(here.duplicate()));
    CHECK(queue.size() == large.size() + 2);
    std::size_t got = 0;
    bool passed = false;
    std::vector<char> buffer(1 << 16);
    while (got < large.size() + 2) {
        must(queue.send(here));
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
        iovec part{buffer.data(), buffer.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t count = recvmsg(there.get(), &message, MSG_CMSG_CLOEXEC);
        REQUIRE(count > 0);
        got += static_cast<std::size_t>(count);
        if (const cmsghdr *header = CMSG_FIRSTHDR(&message)) {
            int fd = -1;
            memcpy(&fd, CMSG_DATA(header), sizeof fd);
            const Fd owner(fd);
            passed = true;
            CHECK(got > large.size());
        }
    }
    CHECK(passed);
    CHECK(queue.empty());
}

TEST_CASE("output has Docker's header in front", "[monitor]") {
    CHECK(docker_header(Role::kOutput, 0x01020304) == std::string("\1\0\0\0\1\2\3\4", 8));
    CHECK(docker_header(Role::kErrors, 5) == std::string("\2\0\0\0\0\0\0\5", 8));
}

TEST_CASE("a pid file must name a child", "[monitor]") {
    const TemporaryDirectory directory = scratch();
    const std::string file = directory.path() / "pid";
    for (const char *wrong : {"", "x", "-4", "12x", "0"}) {
        must(write_file(file, wrong));
        CHECK(error_of(read_pid(file)).code == EPROTO);
    }
    must(write_file(file, "1"));
    CHECK(error_of(read_pid(file)).code == ESRCH);
    const pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    must(write_file(file, std::to_string(child) + "\n"));
    CHECK(must(read_pid(file)) == child);
    REQUIRE(waitpid(child, nullptr, 0) == child);
}
