// SPDX-License-Identifier: Apache-2.0
#include "tests/chaos/truth.h"

#include <algorithm>
#include <format>
#include <net/if.h>
#include <set>
#include <sstream>

#include "base/file_io.h"
#include "base/quote.h"
#include "base/subprocess.h"
#include "tests/chaos/processes.h"

namespace ballast::chaos {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr long kMomentsOfStart = 10; // lines of a worker
constexpr int kOutputClosed = 102;   // a worker's status, see programs/worker.cc

std::vector<fs::path> entries(const fs::path &directory) {
    std::vector<fs::path> found;
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
        found.push_back(entry->path());
    }
    return found;
}

// Of stdout without a terminal: frames of Docker's.
std::string without_frames(const std::string &body) {
    std::string text;
    for (std::size_t at = 0; at + 8 <= body.size();) {
        std::size_t length = 0;
        for (std::size_t byte = 4; byte < 8; byte++) {
            length = length << 8U | static_cast<unsigned char>(body[at + byte]);
        }
        text += body.substr(at + 8, length);
        at += 8 + length;
    }
    return text;
}

// Runs that were killed between the two pieces of a line leave half of it, in front of what the next run writes.
std::string without_halves(std::string line, const std::vector<Run> &runs, const std::vector<long> &seen) {
    for (std::size_t run = 0; run < runs.size(); run++) {
        const std::string half = std::format("{} {}", run, seen[run] + 1);
        if (!runs[run].status && line.starts_with(half) && line.size() > half.size() && line[half.size()] != ' ') {
            line.erase(0, half.size());
        }
    }
    return line;
}

// Lines are "RUN NUMBER and the rest of the line": the numbers of each run are 1, 2, 3...
std::string check_log(const std::string &text, const std::vector<Run> &runs, bool ended) {
    std::vector<long> seen(runs.size() + 1, 0);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(without_halves(line, runs, seen));
        std::size_t run = 0;
        long number = 0;
        std::string rest;
        words >> run >> number;
        std::getline(words, rest);
        const bool whole = rest == " and the rest of the line";
        if (run >= seen.size()) {
            seen.resize(run + 1, 0); // it has started again since its notes were read
        }
        if (!whole || number != seen[run] + 1) {
            const bool cut = run < runs.size() && !runs[run].status && number == seen[run] + 1 && rest.empty();
            if (!cut) {
                return std::format("after line {} of run {} comes {}", seen[run], run, quote(line.substr(0, 80)));
            }
            continue;
        }
        seen[run] = number;
    }
    for (std::size_t run = 0; run < runs.size(); run++) {
        const bool over = ended || run + 1 < runs.size();
        if (runs[run].status == kOutputClosed) {
            continue; // whether it may have been is asked of its state; what the pipe held is lost
        }
        if (seen[run] < runs[run].lines || (over && seen[run] > runs[run].lines + 1)) {
            return std::format("run {} wrote {} lines, its log has {}", run, runs[run].lines, seen[run]);
        }
    }
    return "";
}

struct Checked {
    std::string name, id;
    json state = {};
    std::vector<Run> runs = {};
};

// Has the engine known of any start of it?
bool was_recorded(const json &state) { return !state.value("StartedAt", "").starts_with("0001-"); }

void check_state(const Checked &one, const Asked &asked, const Killer &killer, const std::vector<Process> &all,
                 std::vector<std::string> &problems) {
    const auto complain = [&](const std::string &text) {
        problems.push_back(one.name + " (" + one.id.substr(0, 12) + "): " + text + "; " + one.state.dump());
    };
    std::vector<pid_t> workers;
    for (const Process &process : all) {
        if (process.words.size() == 5 && process.words[1] == "count" && process.words[2] == one.name &&
            process.state != 'Z') {
            workers.push_back(process.pid);
        }
    }
    const std::string status = one.state.value("Status", "");
    const int pid = one.state.value("Pid", 0), code = one.state.value("ExitCode", 0);
    if (status == "running" || status == "paused") {
        if (workers != std::vector<pid_t>{pid}) {
            complain(std::format("{} processes of it live, the first is {}", workers.size(),
                                 workers.empty() ? 0 : workers.front()));
        }
        return;
    }
    if (!workers.empty()) {
        complain(std::format("process {} of it lives", workers.front()));
    }
    if (status == "created" || one.runs.empty()) {
        return; // never ran, or its start failed
    }
    const std::optional<int> noted = one.runs.back().status;
    const bool monitor_died = killer.monitor_kills(one.id) > 0;
    const bool daemon_died = killer.toll().daemons > 0;
    // A monitor whose runtime was killed when the worker was there already leaves that to whoever asked for it.
    const bool orphaned = daemon_died && (monitor_died || killer.start_killed(one.id));
    const bool lost = code == 255 && one.state.value("Error", "") == "exit status lost" && orphaned;
    // Its monitor died in the moments of its start, before anybody else had its output; or before an engine that had
    // been killed as well was there again, which then had not recorded the start.
    const bool unheard =
        monitor_died && (one.runs.back().lines < kMomentsOfStart || (lost && !was_recorded(one.state)));
    const bool failed_start = code == 128 || code == 127 || code == 126; // of a later start
    if (code == 0) {
        complain("its exit code is 0, which no worker ends with");
    } else if (noted == kOutputClosed && !failed_start && !unheard) {
        complain("its output was closed under it");
    } else if (noted && code != *noted && !lost && !failed_start) {
        complain(std::format("it ended with {}", *noted));
    } else if (!noted && code != 137 && !lost && !failed_start) {
        complain("it was killed");
    } else if (!noted && code == 137 && !asked.signalled && !monitor_died) {
        complain("nobody asked for its end");
    }
}

} // namespace

std::vector<Run> notes_of(const fs::path &file) {
    std::vector<Run> runs;
    std::istringstream notes(read_file(file).value_or(""));
    for (std::string note; std::getline(notes, note);) {
        if (note == "s") {
            runs.emplace_back();
        } else if (note == "l" && !runs.empty()) {
            runs.back().lines++;
        } else if (note.starts_with("x ") && !runs.empty()) {
            runs.back().status = std::stoi(note.substr(2));
        }
    }
    return runs;
}

std::vector<std::string> check_containers(EngineClient &client, const Place &place,
                                          const std::map<std::string, Asked> &asked, const Killer &killer) {
    std::vector<std::string> problems;
    const Result<EngineClient::Answer> listed = client.call("GET", "/containers/json?all=1");
    if (!listed || !listed->good()) {
        return {"containers cannot be listed"};
    }
    std::set<std::string> there;
    for (const json &entry : listed->json()) {
        Checked one{.name = entry["Names"][0].get<std::string>().substr(1), .id = entry["Id"].get<std::string>()};
        there.insert(one.name);
        const Asked wanted = asked.contains(one.name) ? asked.at(one.name) : Asked();
        one.runs = notes_of(place.out / one.name);
        const auto whole = client.call("GET", "/containers/" + one.id + "/json");
        const auto log = client.call("GET", "/containers/" + one.id + "/logs?stdout=1");
        if (!whole || !log || !whole->good() || !log->good()) {
            problems.push_back(one.name + ": " + (whole ? whole->body.substr(0, 200) : "") +
                               (log ? log->body.substr(0, 200) : ""));
            continue;
        }
        one.state = whole->json()["State"];
        const bool runs = one.state.value("Running", false);
        if (!runs) {
            one.runs = notes_of(place.out / one.name); // nobody writes any more
        }
        check_state(one, wanted, killer, all_processes(), problems);
        if (wanted.must_be_gone) {
            problems.push_back(one.name + " was removed and is there");
        }
        if (wanted.auto_remove && !runs && one.state.value("Status", "") != "created") {
            problems.push_back(one.name + " was to be removed at its end, and is " + one.state.value("Status", ""));
        }
        if (const std::string bad = check_log(without_frames(log->body), one.runs, !runs); !bad.empty()) {
            problems.push_back(one.name + ": log: " + bad + "; " + one.state.dump());
        }
    }
    for (const auto &[name, one] : asked) {
        if (one.must_exist && !there.contains(name)) {
            problems.push_back(name + " was created and is gone");
        }
    }
    return problems;
}

namespace {

// With the containers and the network of the test gone there is the default bridge, and no port of it.
std::vector<std::string> left_of_networks() {
    std::vector<std::string> left;
    struct if_nameindex *const interfaces = if_nameindex();
    for (const struct if_nameindex *one = interfaces; one != nullptr && one->if_index != 0; one++) {
        const std::string name = one->if_name;
        if (name.starts_with("veth") || name.starts_with("br-")) {
            left.push_back("interface " + name);
        }
    }
    if_freenameindex(interfaces);
    const Result<std::string> table = run_checked({.arguments = {"nft", "list", "table", "inet", "ballast"}});
    if (!table) {
        left.push_back("the rules: " + table.error().message);
        return left;
    }
    std::string name;
    std::istringstream lines(*table);
    for (std::string line; std::getline(lines, line);) {
        if (const std::size_t map = line.find("map published"); map != std::string::npos) {
            name = line.substr(map + 4, line.find(' ', map + 4) - map - 4);
        }
        if (line.contains("elements") && !name.empty()) {
            left.push_back("elements of " + name + ": " + line.substr(line.find("elements")));
        }
        if (line.contains('}') && !line.contains('{')) {
            name.clear();
        }
    }
    return left;
}

} // namespace

std::vector<std::string> check_nothing_left(const Place &place) {
    std::vector<std::string> left;
    for (const Process &process : all_processes()) {
        const std::string name = fs::path(process.program).filename();
        const bool ours = process.program.starts_with(place.programs.string()) && name != "ballastd";
        const bool worker = process.words.size() == 5 && process.words[1] == "count";
        if ((ours && name.starts_with("ballast-")) || (worker && process.state != 'Z')) {
            left.push_back("process " + std::to_string(process.pid) + " " + process.program);
        }
    }
    const std::string mounts = read_file("/proc/self/mounts").value_or("");
    for (const fs::path &root : {place.data_root, place.run_root}) {
        if (mounts.contains(" " + root.string() + "/")) {
            left.push_back("a mount below " + root.string());
        }
    }
    std::error_code error;
    for (const fs::path &directory :
         {place.data_root / "containers", place.data_root / "volumes", place.data_root / "layers",
          place.data_root / "blobs/sha256", place.data_root / "incoming", place.run_root / "containers",
          place.run_root / "monitor", place.run_root / "oci", place.run_root / "network", place.run_root / "netns"}) {
        for (const fs::directory_entry &entry : fs::directory_iterator(directory, error)) {
            const std::string name = entry.path().filename();
            // The runtime's cache of filters, the layer of no layers, what the host had before the first bridge.
            if (!name.starts_with('~') && name != "empty" && name != "forwarding") {
                left.push_back(entry.path());
            }
        }
    }
    for (const std::string &one : left_of_networks()) {
        left.push_back(one);
    }
    if (place.scopes) {
        for (fs::recursive_directory_iterator entry("/sys/fs/cgroup", error), end; !error && entry != end;
             entry.increment(error)) {
            const std::string name = entry->path().filename();
            if (name.starts_with("ballast-") && name.ends_with(".scope")) {
                left.push_back("cgroup " + entry->path().string());
            }
        }
    }
    return left;
}

Holdings holdings_of_daemon(const Place &place) {
    Holdings sum;
    const std::vector<Process> all = all_processes();
    for (const Process &daemon : running(all, "ballastd", place.programs)) {
        const fs::path own = "/proc/" + std::to_string(daemon.pid);
        for (const fs::path &descriptor : entries(own / "fd")) {
            std::error_code error; // closed since
            const std::string of = fs::read_symlink(descriptor, error);
            sum.descriptors.push_back(of.substr(0, of.find(":["))); // the kind of a socket, not its number
        }
        std::ranges::sort(sum.descriptors);
        sum.threads += entries(own / "task").size();
        for (const Process &child : all) {
            sum.dead_children += child.parent == daemon.pid && child.state == 'Z' ? 1 : 0;
        }
    }
    return sum;
}

} // namespace ballast::chaos
