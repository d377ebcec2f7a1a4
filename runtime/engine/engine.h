// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/engine/events.h"
#include "runtime/engine/model.h"
#include "runtime/engine/settings.h"
#include "runtime/engine/stats.h"
#include "runtime/network/definition.h"

namespace ballast::image {
class ImageStore;
struct ContainerUse;
} // namespace ballast::image
namespace ballast::volume {
class VolumeStore;
}

// The core of ballastd: containers from create to remove. Every function may be called from any thread, and blocks for
// as long as its work takes; those that can take for ever (wait, logs, stats) end early when their stop token is asked
// to.
//
// `reference` names a container: its whole ID, its name, or a prefix of its ID that no other has.
//
// Errors by their code, for the HTTP status: ENOENT 404; EINVAL 400; EEXIST, EBUSY and EALREADY (not in this state)
// 409; ENOTSUP 501; EPERM 403; ECANCELED when the stop token was asked to stop; all else 500. The messages are those
// that clients of Docker know.
namespace ballast::engine {

struct HostFacts;
class Pods;

namespace fs = std::filesystem;

using Sink = std::function<Status(std::string_view bytes)>;
// At most `room.size()` bytes into `room`; how many; 0 at the end.
using Source = std::function<Result<std::size_t>(std::span<char> room)>;
using Filters = std::map<std::string, std::vector<std::string>>; // as of the API: {"status": ["exited"]}

struct CreateRequest {
    std::string name = {}; // without a slash; empty: a random one
    Config config = {};
    HostConfig host = {};
    NetworkingConfig networking = {};
    std::string platform = {}; // "linux/arm64/v8"; empty: any that the store has
    Pod pod = {};              // of containers of pods: Pods::create()
    std::string log_path = {}; // of these, below their sandbox's directory; empty: no log
};
struct Created {
    std::string id = {};
    Texts warnings = {};
};

struct AttachRequest {
    bool standard_input = false, standard_output = false, standard_error = false;
    bool logs = false;            // what the log has first: the caller's business (logs()), before it takes the stream
    std::string detach_keys = {}; // "ctrl-p,ctrl-q" when empty; "-" for none
};

// A stream to a container's or exec's standard input and output, from its monitor: bytes that come out are the API's
// own multiplexed frames, or raw with a terminal; bytes that go in are standard input, a half-close ends that.
class Attachment {
  public:
    class Shared;
    explicit Attachment(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
    // Readable once take() would not wait: for poll(2) beside the client's own socket.
    BorrowedFd ready() const;
    // The connected stream. Waits for the container's start when it was attached before; fails as that start failed,
    // ENOENT when the container was removed instead.
    Result<Fd> take(const std::stop_token &stop = {});

  private:
    std::shared_ptr<Shared> shared_;
};

enum class WaitCondition { kNotRunning, kNextExit, kRemoved };
struct WaitResult {
    int exit_code = 0;
    std::string error = {}; // of a start that failed
};

struct RemoveOptions {
    bool force = false, volumes = false, link = false;
};

struct ListOptions {
    bool all = false;
    int limit = 0; // the last so many, whatever their state; 0: no limit
    bool size = false;
    // ancestor before expose exited health id is-task label name network publish since status volume
    Filters filters = {};
};

struct UpdateRequest {
    Resources resources = {}; // fields that are 0 or empty stay as they are
    std::optional<RestartPolicy> restart_policy = {};
};

struct ExecConfig {
    bool attach_stdin = false, attach_stdout = false, attach_stderr = false, tty = false, privileged = false;
    std::string detach_keys = {}, user = {}, working_dir = {};
    Texts env = {}, cmd = {};
    std::uint16_t console_height = 0, console_width = 0; // 0: not said
};
struct ExecState {
    std::string id = {}, container_id = {};
    bool running = false;
    std::optional<int> exit_code = {}; // absent until it ended
    int pid = 0;
    bool can_remove = false;
    ExecConfig config = {};
};

struct LogQuery {
    bool standard_output = true, standard_error = true, follow = false;
    Time since = kNever, until = kNever;
    std::optional<std::int64_t> tail = {}; // lines; absent: all
    bool details = false;
};
struct LogEntry {
    bool standard_error = false;
    Time time = kNever;
    std::string_view line; // with its line end, as it was written; parts of a long one without
    bool starts = true;    // the first part of its line: where a timestamp belongs
    std::vector<std::pair<std::string, std::string>> details = {}; // of labels= and env= of the log's options
};

struct Processes {
    Texts titles = {};
    std::vector<Texts> rows = {};
};

struct PathStat { // X-Docker-Container-Path-Stat
    std::string name = {};
    std::int64_t size = 0;
    std::uint32_t mode = 0; // as stat(2) has it: Go's form is the API's business
    Time modified = kNever;
    std::string link_target = {};
};
struct ArchivePut {
    bool no_overwrite_dir_non_dir = false, copy_uid_gid = false;
};

struct Change {
    enum class Kind { kModified = 0, kAdded = 1, kDeleted = 2 };
    std::string path = {};
    Kind kind = Kind::kModified;
};

struct CommitRequest {
    std::string repository = {}, tag = {}, comment = {}, author = {};
    bool pause = true;
    Texts changes = {}; // Dockerfile instructions: CMD ENTRYPOINT ENV EXPOSE LABEL ONBUILD USER VOLUME WORKDIR …
    std::optional<Config> config = {}; // absent: the container's
};

struct Pruned {
    Texts removed = {}; // ids or names
    std::uint64_t space_reclaimed = 0;
};

// A volume as /volumes shows it.
struct VolumeView {
    std::string name, driver = "local", mountpoint;
    Time created = kNever;
    Labels labels = {};
    std::map<std::string, std::string> options = {};
    std::optional<std::uint64_t> size = {}; // with usage only
    std::optional<int> references = {};
};
struct VolumeRequest {
    std::string name = {}; // empty: a random one
    std::string driver = {};
    std::map<std::string, std::string> options = {};
    Labels labels = {};
};

// A network as /networks shows it.
struct NetworkView {
    network::Network network;
    struct Member {
        std::string container_id, container_name;
        network::Endpoint endpoint = {}; // empty: of the networks host and none
    };
    std::vector<Member> members = {}; // running containers
};

struct Counts { // for `info`
    int containers = 0, running = 0, paused = 0, stopped = 0;
};

class Engine {
  public:
    // Brings every container of the last life of the daemon to its true state before it returns; restart policies are
    // applied by start_restarting(), which the daemon calls once it listens. `store` outlives the engine.
    // `inherited` are the descriptors that systemd kept, by their names (LISTEN_FDNAMES).
    static Result<std::unique_ptr<Engine>> open(Settings settings, image::ImageStore &store,
                                                std::map<std::string, Fd> inherited = {});
    // Containers keep running. Threads of the engine have ended when it returns.
    ~Engine();
    Engine(const Engine &) = delete;
    Engine &operator=(const Engine &) = delete;

    void start_restarting();
    // Before the daemon ends: waits, but not longer than `patience`, until what ended containers had is cleaned up.
    // When the machine shuts down they end just before the engine, and mounts of theirs would keep /var busy.
    void settle(std::chrono::milliseconds patience);
    // What SIGHUP may change: defaults of new containers (log, ulimits, shm size, labels, seccomp profile).
    void reload(const Settings &settings);

    Events &events();
    Settings settings() const;
    const HostFacts &host() const; // as they were when the engine was opened
    Counts counts() const;
    Texts warnings() const; // of recovery: broken files that were set aside, and the like

    // ENOENT "No such image: busybox:latest" when the store does not have it: the client pulls, then asks again.
    Result<Created> create(CreateRequest request);
    Result<bool> start(const std::string &reference);                               // false: it runs already (304)
    Result<bool> stop(const std::string &reference, const std::string &signal = {}, // false: it does not run (304)
                      std::optional<int> timeout_seconds = {});
    Status restart(const std::string &reference, const std::string &signal = {},
                   std::optional<int> timeout_seconds = {});
    Status kill(const std::string &reference, const std::string &signal = {}); // empty: SIGKILL
    Status pause(const std::string &reference);
    Status unpause(const std::string &reference);
    Status rename(const std::string &reference, const std::string &name);
    Result<Texts> update(const std::string &reference, const UpdateRequest &request); // warnings
    Status remove(const std::string &reference, const RemoveOptions &options);
    Result<WaitResult> wait(const std::string &reference, WaitCondition condition, const std::stop_token &stop = {});
    // As wait(), in two steps: when it returns, the waiting has begun (a start that comes next is not missed). The
    // function does the waiting.
    Result<std::function<Result<WaitResult>(const std::stop_token &)>> begin_wait(const std::string &reference,
                                                                                  WaitCondition condition);

    Result<Snapshot> inspect(const std::string &reference, bool size = false);
    Result<std::vector<Snapshot>> list(const ListOptions &options = {}); // newest first

    // Of a container that does not run: waits in take() for its start.
    Result<Attachment> attach(const std::string &reference, const AttachRequest &request);
    Status resize(const std::string &reference, std::uint16_t height, std::uint16_t width);
    // ENOTSUP when the log driver cannot be read. Follows until the container ends.
    Status logs(const std::string &reference, const LogQuery &query,
                const std::function<Status(const LogEntry &)> &sink, const std::stop_token &stop = {});

    Result<std::string> create_exec(const std::string &reference, ExecConfig config);
    // detach: no stream. Otherwise the stream of the exec, connected before its program starts; afterwards the exit
    // code is found by inspect_exec().
    Result<std::optional<Fd>> start_exec(const std::string &exec_id, bool detach,
                                         std::optional<std::pair<std::uint16_t, std::uint16_t>> height_width = {});
    Result<ExecState> inspect_exec(const std::string &exec_id);
    Status resize_exec(const std::string &exec_id, std::uint16_t height, std::uint16_t width);

    Result<Processes> top(const std::string &reference, const std::string &ps_arguments); // empty: "-ef"
    // One sample. An all-zero one for a container that does not run. `previous` is the caller's to keep (precpu_stats).
    Result<Stats> stats(const std::string &reference);

    Result<PathStat> stat_path(const std::string &reference, const std::string &path);
    // A tar stream of `path`; `begin` gets what it is before the first byte.
    Status archive_out(const std::string &reference, const std::string &path,
                       const std::function<Status(const PathStat &)> &begin, const Sink &sink);
    // Unpacks a tar stream (plain, gzip, zstd, …) into the directory `path`.
    Status archive_in(const std::string &reference, const std::string &path, const Source &source,
                      const ArchivePut &options);
    Result<std::vector<Change>> changes(const std::string &reference);
    Status export_filesystem(const std::string &reference, const Sink &sink);
    Result<std::string> commit(const std::string &reference, const CommitRequest &request); // the image's id

    Result<Pruned> prune_containers(const Filters &filters);
    // Ids of containers that need the image: running ones, or all.
    Texts users_of_image(const std::string &image_id, bool running_only) const;
    // Every container, for image::StoreSettings::containers.
    std::vector<image::ContainerUse> image_uses() const;

    Result<VolumeView> create_volume(const VolumeRequest &request); // the one that is there when all is equal
    Result<VolumeView> inspect_volume(const std::string &name);
    Result<std::vector<VolumeView>> list_volumes(const Filters &filters, bool usage = false);
    Status remove_volume(const std::string &name, bool force); // EBUSY while a container, running or not, has it
    Result<Pruned> prune_volumes(const Filters &filters);      // anonymous ones; all with {"all": ["true"]}

    Result<NetworkView> create_network(const network::NetworkRequest &request);
    Result<NetworkView> inspect_network(const std::string &reference);
    // By name. driver id label name scope type dangling
    Result<std::vector<NetworkView>> list_networks(const Filters &filters);
    Status remove_network(const std::string &reference);
    // Of a container that does not run: when it starts.
    Status connect_network(const std::string &network, const std::string &container, const EndpointRequest &request);
    Status disconnect_network(const std::string &network, const std::string &container, bool force);
    Result<Pruned> prune_networks(const Filters &filters); // those that no container names

    Pods pods(); // Kubernetes' side of it; the engine outlives what it returns

    class Core;

  private:
    explicit Engine(std::unique_ptr<Core> core);
    std::unique_ptr<Core> core_;
};

} // namespace ballast::engine
