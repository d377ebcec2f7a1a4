// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "runtime/engine/engine.h"
#include "runtime/engine/mount_points.h"
#include "runtime/engine/orphans.h"
#include "runtime/engine/plan.h"
#include "runtime/engine/pod_events.h"
#include "runtime/engine/pod_network.h"
#include "runtime/engine/restart_policy.h"
#include "runtime/engine/settings_check.h"
#include "runtime/engine/state_machine.h"
#include "runtime/engine/timer.h"
#include "runtime/engine/usage.h"
#include "runtime/image/image_store.h"
#include "runtime/image/snapshot.h"
#include "runtime/monitor/connection.h"
#include "runtime/monitor/exit_record.h"
#include "runtime/monitor/settings.h"
#include "runtime/network/dns/resolver.h"
#include "runtime/network/loopback/loopback.h"
#include "runtime/network/networks.h"
#include "runtime/volume/volume_store.h"

// What the files of this folder share. Order of locks, outer first: Container::operation, Core::registry,
// Container::mutex, those of the image and the volume store. `operation` is held while something happens to a container
// (start, removal, update) and may be held long; the others are held for moments, and never while anybody is waited
// for.
namespace ballast::engine {

// An exec, from its creation until it is forgotten. Guarded by its container's mutex.
struct Exec {
    std::string id;
    ExecConfig config;
    std::uint32_t session = 0;
    bool running = false, started = false;
    bool internal = false;   // of a health check: not listed, no events
    bool taken_over = false; // its monitor is gone, and somebody waits for its end
    std::optional<int> exit_code;
    int pid = 0;
    Time ended = kNever;
};

struct Container {
    explicit Container(Snapshot snapshot) : id(snapshot.id), data(std::move(snapshot)) {}
    const std::string id;
    std::mutex operation;

    std::mutex mutex; // of all that follows
    std::condition_variable_any changed;
    Snapshot data;
    std::uint64_t exits = 0; // how often it ended, for those who wait for the next time
    bool removed = false;
    bool stopping = false; // the end that comes was asked for
    bool spared = false;   // by --rm: who asked for its end goes on with it
    RestartBackoff backoff;
    std::uint64_t restart_ticket = 0; // a restart that waits with another number is void
    std::uint64_t health_ticket = 0;
    std::map<std::string, std::shared_ptr<Exec>> execs;
    std::uint32_t next_session = 1;
    std::vector<std::shared_ptr<Attachment::Shared>> waiting; // attached before the start
    std::shared_ptr<monitor::Connection> control;
    std::mutex control_mutex;                          // one request at a time; taken without `mutex`
    pid_t monitor_pid = -1;                            // our child; -1: it is not
    int awaited_pid = 0;                               // its first process, which is our child now; 0: it is not
    std::optional<monitor::End> own_end;               // what we learned when we waited for that
    std::shared_ptr<Fd> process;                       // pidfd of its first process
    std::map<monitor::Role, std::shared_ptr<Fd>> kept; // copies of what its monitor holds
    std::set<std::string> used_volumes;
    Meter meter; // of it; of a sandbox: of its pod
    DiskUse writable;

    Snapshot snapshot() {
        const std::scoped_lock lock(mutex);
        return data;
    }
    Phase phase() {
        const std::scoped_lock lock(mutex);
        return data.state.phase;
    }
};
using ContainerPtr = std::shared_ptr<Container>;

// Where an attachment that came before the start gets its stream.
class Attachment::Shared {
  public:
    AttachRequest request;
    Fd event; // eventfd(2): readable once `result` is there
    std::mutex mutex;
    std::condition_variable_any changed;
    std::optional<Result<Fd>> result;

    static Result<std::shared_ptr<Shared>> create(AttachRequest request);
    void finish(Result<Fd> outcome);
};

struct Paths {
    fs::path disk;           // DATA/containers/ID
    fs::path run;            // RUN/containers/ID
    fs::path rootfs;         // RUN/containers/ID/rootfs
    fs::path bundle;         // RUN/containers/ID/bundle
    fs::path user_namespace; // RUN/containers/ID/user, while it runs and has one of its own
    fs::path socket;         // RUN/monitor/ID.sock
    fs::path record;         // DATA/containers/ID/config.json
    fs::path exit;           // DATA/containers/ID/exit.json
    fs::path log;            // DATA/containers/ID/logs/ID-json.log
};

class Engine::Core {
  public:
    Core(Settings given, image::ImageStore &store);
    ~Core();

    Settings settings() const;
    Paths paths(const std::string &id) const;
    MachineFacts machine() const;
    Result<fs::path> cgroup_of(const Snapshot &container) const; // below /sys/fs/cgroup

    // --- registry.cc
    Result<ContainerPtr> find(const std::string &reference);
    std::vector<ContainerPtr> all();
    Status reserve_name(std::string &name, const std::string &id); // fills in a random one
    void forget_name(const std::string &name);

    // --- record.cc
    Status save(Container &container); // under its mutex
    void event(Container &container, const std::string &action, std::map<std::string, std::string> more = {});

    // --- create.cc
    Result<Created> create(CreateRequest request);

    // --- start.cc
    Status start(const ContainerPtr &container); // under `operation`

    // --- tear_down.cc
    Result<image::Snapshot> snapshot_of(const Container &container) const;
    Result<IdMappings> ids_of(const Snapshot &container); // that its next start gives it
    Status mount_rootfs(Container &container, const std::shared_ptr<const image::Users> &users = nullptr);
    Status copy_up_volumes(Container &container); // create.cc
    void unmount_rootfs(Container &container);
    Result<std::string> oci(const std::vector<std::string> &words, const std::string &input = {}) const; // its output
    Result<monitor::Settings> monitor_settings(const Snapshot &container) const;
    // Calls of the runtime whose monitor was killed, see end_runtime_calls().
    void end_making(Container &container, const std::string &verb, const std::string &argument);
    void end_calls(const Container &container, const std::string &verb, const std::string &argument) const;
    void end_starting(Container &container); // those that start it; who was its process is not waited for
    void tear_down(Container &container);    // all that a running container has, gone
    // Copies of what its monitor holds, so that another can take its place; what is kept already stays.
    Status take_descriptors(Container &container, monitor::Connection &control);
    Status take_descriptors(Container &container);
    void keep(Container &container, monitor::Role role, std::shared_ptr<Fd> fd); // under its mutex

    // --- exit.cc
    void watch(const ContainerPtr &container, monitor::Connection events);
    void after_monitor(const ContainerPtr &container); // its monitor is gone
    monitor::End last_known_end(Container &container); // of a container without monitor that has ended
    void await_process(const ContainerPtr &container); // that is our child now: its new monitor is told of its end
    void collect_orphans();                            // of a monitor that was killed, until none is left
    void after_exit(const ContainerPtr &container, const monitor::ExitRecord &record);
    void exec_started(Container &container, std::uint32_t session, int pid);
    void exec_ended(const ContainerPtr &container, std::uint32_t session, const monitor::End &end);
    // `tries`: further ones, a second apart, while it waits for another container that it joins or has a link to.
    void schedule_restart(const ContainerPtr &container, std::chrono::milliseconds delay, int tries = 30);

    // --- stop.cc
    Status signal(Container &container, int number);
    Status stop(const ContainerPtr &container, const std::string &signal, std::optional<int> timeout);
    bool wait_until_ended(Container &container, std::optional<std::chrono::milliseconds> timeout);

    // --- remove.cc
    Status remove(const ContainerPtr &container, const RemoveOptions &options);
    Status remove_files(const ContainerPtr &container, bool volumes);
    void remove_anonymous_volumes(const ContainerPtr &container);
    void remove_soon(const ContainerPtr &container); // --rm, once it has ended or could not be started

    // --- exec.cc
    Result<std::shared_ptr<Exec>> create_exec(const ContainerPtr &container, ExecConfig config, bool internal);
    Result<std::optional<Fd>> start_exec(const ContainerPtr &container, const std::shared_ptr<Exec> &exec, bool detach);
    Result<std::pair<ContainerPtr, std::shared_ptr<Exec>>> find_exec(const std::string &id);
    Result<std::optional<Fd>> run_exec(const ContainerPtr &container, const std::shared_ptr<Exec> &exec, bool detach);
    void exec_runs(Exec &exec, int pid);                               // under its container's mutex
    void forget_exec(const ContainerPtr &container, const Exec &exec); // by its monitor, and its files

    // --- exec_recovery.cc
    // Execs of the daemon's last life, as their monitor tells of them. Under the container's mutex.
    void recover_execs(Container &container, const std::vector<monitor::SessionState> &sessions);
    // Their monitor is gone, and their streams with it: those that were still being started are not any more, and what
    // can be known of the end of the others is told.
    void take_over_execs(const ContainerPtr &container, const std::vector<std::shared_ptr<Exec>> &execs);
    // For the daemon's next life: its monitor remembers as well, but may be killed before we are, and we before we are
    // asked.
    void note_end(const std::string &container, const Exec &exec) const;
    // Those that no monitor tells of, by their files: they have ended, or take_over_execs() comes next for what is
    // returned.
    std::vector<std::shared_ptr<Exec>> recover_lost_execs(const ContainerPtr &container);

    // --- container_root.cc
    // Calls `work` with the container's root, volumes and all: its own while it runs, whose files have the owners that
    // its user namespace gives them; otherwise one that is mounted for the call, where nobody else sees it.
    using RootWork = std::function<Status(const RootDir &root, const IdMappings &seen_through)>;
    Status in_root(const ContainerPtr &container, const RootWork &work);

    // --- health_check.cc
    void start_health(const ContainerPtr &container); // under no lock
    void check_health(const ContainerPtr &container, std::uint64_t ticket);

    // --- adopt.cc
    Status recover(std::map<std::string, Fd> inherited, Texts &warnings);
    bool is_frozen(const Snapshot &container) const;
    void recover_one(const ContainerPtr &container, std::map<std::string, Fd> &inherited);
    Status finish_start(Container &container, monitor::Connection &control);
    static void take_inherited(Container &container, std::map<std::string, Fd> &inherited);
    Status adopt(const ContainerPtr &container);
    struct FirstProcess {
        int pid = 0;                      // 0: not known
        std::shared_ptr<Fd> process = {}; // empty: it has ended
        bool waits = false;               // for its start
    };
    Result<FirstProcess> living_process(const std::string &id) const; // as the runtime knows it
    bool is_over(const std::string &id) const;                        // so says the runtime
    // A container whose monitor was killed before it told how the start went; that ends here, if it has not. Nothing:
    // its program has not run, and will not.
    std::optional<FirstProcess> find_started(Container &container);
    // It runs, or has just ended, whatever its record says. Under its mutex.
    void found_running(Container &container, const FirstProcess &first);

    // --- leftovers.cc
    void remove_leftovers();
    void remove_volumes_of_creation(const fs::path &directory);
    void stop_scope_of(const Snapshot &container) const;
    void stop_leftover_scopes(); // of containers that do not run, or that nobody knows

    // --- networks.cc
    // The names of networks as they are now, the network of its mode among them.
    Status settle_networks(Snapshot &container);
    Result<network::Sandbox> reserve_networks(const Snapshot &container);
    Texts host_gateway() const; // the host as containers see it: the default bridge's addresses
    void network_events(const Snapshot &container, const network::Sandbox &sandbox, const std::string &action);
    // The container's record says what networks it is on: written last when it joins one, first when it leaves one.
    // `request`: absent when it leaves. Under `operation`.
    Status write_membership(const ContainerPtr &container, const std::string &network,
                            const std::optional<EndpointRequest> &request);
    Result<network::Sandbox> leave_network(const Snapshot &container, const std::string &network_id);
    // Takes running containers from networks that their records do not name: we were killed while they joined or left.
    // Before Networks::restore(), which makes what an endpoint lacks.
    void finish_network_changes();

    // --- linked_containers.cc
    Status name_links(HostConfig &settings); // of a container that is made
    struct Linked {
        Texts env = {}, hosts = {}; // variables, and lines of /etc/hosts
    };
    Result<Linked> linked(const Snapshot &container); // EBUSY: one that it has a link to does not run
    void show_links(Snapshot &container);             // as inspect shows them

    // --- pods.cc
    fs::path pod_namespace(const std::string &sandbox) const; // RUN/pods/ID
    Status stop_sandbox(const ContainerPtr &sandbox);         // and all in it
    void finish_pods(); // what the last engine began to take away, and what others left; in the background
    std::vector<ContainerPtr> containers_of(const std::string &sandbox);
    void pod_event(const Snapshot &container, const std::string &action); // pod_events.cc

    // --- loopback_ports.cc
    // All that containers publish, for the host's own programs at its loopback addresses; without an effect where the
    // kernel has no cgroup version 2.
    Status publish_on_loopback();
    void publish_rest_on_loopback(); // when ports have gone: what fails is told in the log, and mended by the next time

    // --- name_resolution.cc
    using KeptSockets = std::map<std::string, dns::Sockets>; // by container
    void tell_names(const Snapshot &container);              // its name or networks are others now
    Status open_names(const Snapshot &container, std::optional<dns::Sockets> sockets = {}); // its namespace is there
    void close_names(const std::string &id);
    static KeptSockets take_kept_sockets(std::map<std::string, Fd> &inherited);
    void reopen_names(KeptSockets kept); // of all that run, when the engine starts

    Result<std::vector<MountPoint>> inherited_mounts(const HostConfig &host);
    std::set<std::string> volumes_in_use();

    image::ImageStore &images;
    Texts warnings;      // before what may warn
    IdMappings remapped; // by userns-remap
    Events events;
    std::unique_ptr<volume::VolumeStore> volumes;
    std::unique_ptr<network::Networks> networks;
    std::unique_ptr<PodNetwork> pod_network;
    PodEvents pod_events;
    dns::Resolver resolver;
    std::mutex loopback_mutex; // taken first of all that the networks have
    std::optional<network::loopback::Loopback> loopback;
    HostFacts host = read_host_facts();

    std::mutex registry;
    std::map<std::string, ContainerPtr> containers; // by id
    std::map<std::string, std::string> names;       // to ids

    mutable std::mutex settings_mutex;
    Settings settings_;

    // One thread looks at all monitors.
    struct Watched {
        ContainerPtr container;
        std::unique_ptr<monitor::Connection> connection;
    };
    std::mutex watch_mutex;
    std::vector<Watched> watched;
    int ending = 0; // containers whose monitor is gone, and after_monitor() has not returned
    std::condition_variable after_end;
    void settle(std::chrono::milliseconds patience); // until there are none, and no monitor has something to say
    Fd wake;
    void watch_loop(const std::stop_token &stop);
    bool take_event(const ContainerPtr &container, monitor::Connection &connection); // false: its monitor is gone
    void wake_watcher() const;

    Orphans orphans;
    std::atomic<bool> collecting = false;
    Timer timer;
    std::jthread watcher; // last: it ends first
};

// A file of a container's directory: names of volumes that were made for it, a line each. Without a record beside it,
// they belong to nobody.
inline constexpr const char *kNewVolumes = "new-volumes";

// attachment.cc: to a monitor that listens.
Result<Fd> connect_attachment(const fs::path &socket, const AttachRequest &request, const Config &config);

// name_resolution.cc: whether it is on a network where containers have names.
bool needs_resolver(const network::Sandbox &sandbox);

// EPERM for what Kubernetes decides alone of containers of its pods: `verb` is "remove".
Status refuse_for_pods(const Snapshot &container, const char *verb);

// Docker's "container:ID" modes: what is behind the colon.
std::optional<std::string> joined_container(const std::string &mode);

} // namespace ballast::engine
