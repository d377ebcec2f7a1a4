// SPDX-License-Identifier: Apache-2.0
#include "agent/cluster/cluster.h"

#include <algorithm>
#include <sys/eventfd.h>
#include <utility>

#include "agent/cluster/admission.h"
#include "agent/cluster/drain.h"
#include "agent/cluster/last_words.h"
#include "agent/cluster/pod_status.h"
#include "agent/volumes/pod_directory.h"
#include "base/http/url.h"
#include "base/log.h"
#include "base/timestamp.h"

namespace ballast::agent {
namespace {

constexpr std::chrono::seconds kRetry{2};    // what the API server did not take is told again
constexpr std::size_t kMostLastWords = 4096; // containers

std::string path_of(const Pod &pod) { return "/api/v1/namespaces/" + pod.name_space + "/pods/" + pod.name; }

// It is gone: nobody is there to be told. What stands in the way now (a conflict) is tried again; another pod of that
// name is what the watch tells of.
bool is_settled(const Status &done) { return done.has_value() || done.error().code == ENOENT; }

} // namespace

Cluster::Cluster(const Options &options, Runtime &runtime, Background &background, std::string address, Fd event)
    : options_(options), runtime_(runtime), background_(background), address_(std::move(address)), server_(ApiAccess{}),
      events_(server_, background, options.node_name), objects_(server_, options.node_name, stop_.get_token()),
      event_(std::move(event)) {}

Result<std::unique_ptr<Cluster>> Cluster::open(const Options &options, Runtime &runtime, Background &background,
                                               std::string address) {
    if (options.kubeconfig.empty()) {
        return nullptr;
    }
    Fd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event.is_open()) {
        return fail_errno("eventfd");
    }
    std::unique_ptr<Cluster> cluster(new Cluster(options, runtime, background, std::move(address), std::move(event)));
    TRY(cluster->take_credentials());
    return cluster;
}

Status Cluster::take_credentials() {
    const bool bootstraps = !options_.bootstrap_kubeconfig.empty();
    credentials_ = TRY(NodeCredentials::open({.kubeconfig = options_.kubeconfig,
                                              .bootstrap = options_.bootstrap_kubeconfig,
                                              .certificates = options_.certificates,
                                              .node_name = options_.node_name,
                                              .renews = options_.config.rotate_certificates.value_or(bootstraps)},
                                             [this](ApiAccess access) {
                                                 server_.set_access(std::move(access));
                                                 (void)eventfd_write(event_.get(), 1); // can only be full
                                             }));
    return {};
}

Result<ApiAccess> Cluster::access() const {
    ApiAccess access = server_.access();
    return access.server.host.empty() ? fail(EAGAIN, "this node has no credentials yet")
                                      : Result<ApiAccess>(std::move(access));
}

Status Cluster::drain(std::chrono::milliseconds time) {
    TRY(access());
    return drain_node(server_, options_.node_name, time, {}, stop_.get_token());
}

Status Cluster::uncordon() {
    TRY(access());
    return uncordon_node(server_, options_.node_name, stop_.get_token());
}

Status Cluster::join() {
    watcher_ = TRY(Watcher::start(server_, "/api/v1/pods",
                                  "fieldSelector=spec.nodeName%3D" + http::url_encode(options_.node_name)));
    services_ = TRY(Watcher::start(server_, "/api/v1/services", ""));
    reporter_.emplace(server_, options_.node_name, options_.config.register_node, [this] { return inputs(); });
    return {};
}

std::array<BorrowedFd, 2> Cluster::changed() const {
    if (!has_joined()) {
        return {event_, BorrowedFd(-1)};
    }
    return {watcher_->changed(), services_->changed()};
}

// From the reporter's thread.
NodeInputs Cluster::inputs() {
    NodeInputs inputs;
    inputs.settings = {.name = options_.node_name,
                       .addresses = options_.node_addresses,
                       .labels = options_.node_labels,
                       .taints = options_.config.taints,
                       .provider_id = options_.config.provider_id,
                       .external_cloud = options_.external_cloud,
                       .most_pods = options_.config.most_pods,
                       .reservation = options_.config.reservation,
                       .port = options_.config.server.enabled ? static_cast<int>(options_.config.server.port) : 0};
    if (inputs.settings.addresses.empty() && !address_.empty()) {
        inputs.settings.addresses = {address_};
    }
    inputs.facts = read_node_facts("/", options_.root_directory);
    const auto told = [](const Error &error) { return "container runtime is down: " + error.message; };
    const Result<std::string> version = runtime_.version();
    inputs.runtime.version = version.value_or("");
    if (version.has_value()) {
        const std::lock_guard lock(mutex_);
        runtime_name_ = version->substr(0, version->find(' '));
    }
    const Result<std::string> trouble = runtime_.trouble();
    inputs.runtime.trouble = leaving_              ? "node is shutting down"
                             : trouble.has_value() ? *trouble
                                                   : told(trouble.error());
    inputs.runtime.images = runtime_.images().value_or(std::vector<Runtime::ImageOnNode>()); // none while it is down
    return inputs;
}

void Cluster::note(const Pod &pod, const Note &note) { events_.add(pod, note, now_ns()); }

void Cluster::note_node(const Note &note) { events_.add_of_node(note, now_ns()); }

std::vector<WantedPod> Cluster::wanted() const {
    std::vector<WantedPod> pods;
    if (!objects_.knows_services()) {
        return pods; // whose variables would lack them
    }
    for (const auto &[uid, entry] : entries_) {
        if (!entry.gone && !entry.api.mirror && !entry.api.refusal) {
            pods.push_back({.pod = entry.api.pod,
                            .ended = entry.was_over,
                            .deleted = entry.api.deleted,
                            .grace = entry.api.grace});
        }
    }
    return pods;
}

bool Cluster::take_changes() {
    const bool knew_services = objects_.knows_services();
    objects_.take(services_->take());
    bool changed = knew_services != objects_.knows_services();
    for (const Change &change : watcher_->take()) {
        if (change.kind == Change::Kind::kTrouble) {
            if (trouble_ != change.trouble) {
                log::warning("pods of this node cannot be watched: " + change.trouble + "; tried again");
            }
            trouble_ = change.trouble;
            continue;
        }
        if (!trouble_.empty()) {
            log::notice("pods of this node are watched again");
            trouble_.clear();
        }
        take(change);
        changed = true;
    }
    return changed;
}

void Cluster::take(const Change &change) {
    if (change.kind == Change::Kind::kGone) {
        objects_.forget(uid_of(change.objects.front()));
        entries_.erase(uid_of(change.objects.front()));
        return;
    }
    if (change.kind == Change::Kind::kAll) {
        known_ = true;
        std::erase_if(entries_, [&](const auto &entry) {
            return std::ranges::none_of(change.objects,
                                        [&](const Json &object) { return uid_of(object) == entry.first; });
        });
    }
    for (const Json &object : change.objects) {
        store(object);
    }
}

void Cluster::store(Json object) {
    Result<ApiPod> read = read_api_pod(std::move(object));
    if (!read.has_value()) {
        log::error("the API server: " + read.error().message);
        return;
    }
    const auto [found, added] = entries_.try_emplace(read->pod.uid);
    Entry &entry = found->second;
    if (added) {
        entry.was_over = read->ended;
    } else {
        read->refusal = entry.api.refusal; // once and for all
        // Somebody else has changed what this node says, as they do of a node that was away.
        if (condition_differs(read->status, entry.told, "Ready") && !entry.sending) {
            entry.told = nullptr;
        }
    }
    entry.api = std::move(*read);
}

// Before it is given away for the first time; what ran before this agent began was admitted then.
void Cluster::admit(Entry &entry, const Pods &pods) {
    const bool begun = !json_text(entry.api.status, {"startTime"}).empty();
    if (std::exchange(entry.admitted, true) || entry.api.refusal || begun || entry.was_over || entry.api.deleted) {
        return;
    }
    std::vector<const Pod *> others;
    for (const auto &[uid, life] : pods.all()) {
        if (life->state() != PodState::kEnded && uid != entry.api.pod.uid) {
            others.push_back(&life->pod());
        }
    }
    for (const auto &[uid, other] : entries_) {
        const bool counts = other.admitted && !other.gone && !other.was_over && !other.api.refusal && !other.api.mirror;
        if (counts && uid != entry.api.pod.uid && !pods.all().contains(uid)) {
            others.push_back(&other.api.pod);
        }
    }
    entry.api.refusal = leaving_ ? Waiting{"NodeShutdown", "Pod was rejected as the node is shutting down."}
                                 : unfit(entry.api.pod, options_.config.allowed_sysctls);
    if (!entry.api.refusal) {
        entry.api.refusal = refusal_of(entry.api.pod, others, reporter_->node());
    }
    if (entry.api.refusal) {
        note(entry.api.pod,
             {.warning = true, .reason = entry.api.refusal->reason, .message = entry.api.refusal->message});
    }
}

bool Cluster::step(const Pods &pods, Time now) {
    due_.reset();
    if (!has_joined()) {
        eventfd_t count = 0;
        can_join_ = can_join_ || eventfd_read(event_.get(), &count) == 0;
        if (!can_join_) {
            return false;
        }
        if (const Status joined = join(); !joined.has_value()) {
            log::error("the API server cannot be asked: " + joined.error().message + "; tried again");
            due_ = now + kRetry;
            return false;
        }
    }
    const bool changed = take_changes();
    told_all_ = true;
    for (auto &[uid, entry] : entries_) {
        if (entry.api.mirror) {
            if (shown_by(entry.api) != nullptr) {
                report(entry, pods, now);
            }
            continue;
        }
        admit(entry, pods);
        const auto life = pods.all().find(uid);
        const bool held = life != pods.all().end() && life->second->state() != PodState::kGone;
        entry.given = entry.given || held;
        entry.gone = entry.gone || (entry.given && !held);
        report(entry, pods, now);
    }
    keep_mirrors(now);
    events_.step();
    return changed;
}

void Cluster::report(Entry &entry, const Pods &pods, Time now) {
    told_all_ = told_all_ && !entry.sending;
    if (entry.sending || entry.removed) {
        return;
    }
    if (now < entry.not_before) {
        told_all_ = false;
        due_ = std::min(due_.value_or(Time::max()), entry.not_before);
        return;
    }
    if (std::optional<Json> status = status_of(entry, pods, now); status && *status != entry.told) {
        send_status(entry, std::move(*status));
    } else if (entry.api.deleted && (entry.gone || entry.api.refusal)) {
        remove(entry);
    }
}

// Nothing: there is nothing to be told now.
std::optional<Json> Cluster::status_of(const Entry &entry, const Pods &pods, Time now) {
    const Json &before = entry.told.is_null() ? entry.api.status : entry.told;
    const Pod *shown = shown_by(entry.api); // a mirror tells of the pod that it shows
    if ((entry.was_over && shown == nullptr) || entry.gone) {
        return std::nullopt;
    }
    if (entry.api.refusal) {
        return entry.api.deleted ? std::nullopt
                                 : std::optional(rejected_status(*entry.api.refusal, before, now.count()));
    }
    const auto found = pods.all().find(shown != nullptr ? shown->uid : entry.api.pod.uid);
    if (found == pods.all().end() || !found->second->known()) {
        return std::nullopt;
    }
    const PodLife &life = *found->second;
    const bool cleared = life.state() == PodState::kCleaning && life.observed().containers.empty();
    if (cleared || life.state() == PodState::kGone) {
        return std::nullopt; // what it was is told, and what is left of it says nothing
    }
    return live_status(life, before, json_at(entry.api.status, {"conditions"}), now);
}

// `conditions`: as the API server has them.
std::optional<Json> Cluster::live_status(const PodLife &life, const Json &before, const Json &conditions, Time now) {
    std::string runtime;
    {
        const std::lock_guard lock(mutex_);
        runtime = runtime_name_;
    }
    if (runtime.empty()) {
        due_ = std::min(due_.value_or(Time::max()), now + kRetry);
        return std::nullopt; // it has not said yet who it is
    }
    // Conditions that others set are as the API server has them now.
    Json merged = before;
    for (const std::string &gate : life.pod().readiness_gates) {
        for (const Json &condition : conditions) {
            if (json_text(condition, {"type"}) == gate) {
                merged["conditions"].push_back(condition);
            }
        }
    }
    return pod_status(
        {.pod = life.pod(),
         .observed = life.observed(),
         .judgement = life.judgement(),
         .waiting = life.waiting(),
         .state = life.state(),
         .failure = life.failure(),
         .node_address = address_,
         .runtime = runtime,
         .last_words = [&](const ObservedContainer &container) { return last_words(life.pod(), container); }},
        merged, now.count());
}

std::string Cluster::last_words(const Pod &pod, const ObservedContainer &container) {
    const auto known = last_words_.find(container.id);
    if (known != last_words_.end()) {
        return known->second;
    }
    if (last_words_.size() >= kMostLastWords) {
        last_words_.clear();
    }
    const std::filesystem::path file =
        PodDirectory(options_.root_directory, pod.uid).termination_message(container.name, container.attempt);
    return last_words_.emplace(container.id, agent::last_words(container, file, options_.config.pod_logs))
        .first->second;
}

void Cluster::send_status(Entry &entry, Json status) {
    told_all_ = false;
    entry.sending = true;
    entry.told = status;
    background_.run([this, uid = entry.api.pod.uid, path = path_of(entry.api.pod) + "/status",
                     patch = status_patch(entry.api.pod.uid, std::move(status))]() -> Background::After {
        const auto done = server_.patch(path, patch, Patch::kStrategic, stop_.get_token());
        return [this, uid, result = done.has_value() ? Status() : Status(std::unexpected(done.error()))] {
            sent(uid, result, "status");
        };
    });
}

// The pod's end: its name is free for another.
void Cluster::remove(Entry &entry) {
    entry.sending = true;
    entry.removed = true;
    background_.run([this, uid = entry.api.pod.uid, path = path_of(entry.api.pod)]() -> Background::After {
        const auto done =
            server_.remove(path, {{"gracePeriodSeconds", 0}, {"preconditions", {{"uid", uid}}}}, stop_.get_token());
        return [this, uid, result = done.has_value() ? Status() : Status(std::unexpected(done.error()))] {
            sent(uid, result, "end");
        };
    });
}

void Cluster::sent(const std::string &uid, const Status &done, const std::string &what) {
    const auto found = entries_.find(uid);
    if (found == entries_.end()) {
        return;
    }
    Entry &entry = found->second;
    entry.sending = false;
    if (!is_settled(done)) {
        const bool refused = done.error().code == EINVAL || done.error().code == EPERM;
        log::write(refused ? log::Level::kWarning : log::Level::kDebug, // who is away is told of by the watch
                   "pod " + entry.api.pod.full_name() + ": its " + what + " cannot be told: " + done.error().message);
        entry.told = nullptr;
        entry.removed = false;
        entry.not_before = Time(now_ns()) + kRetry;
    }
}

} // namespace ballast::agent
