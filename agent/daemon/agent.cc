// SPDX-License-Identifier: Apache-2.0
#include "agent/daemon/agent.h"

#include <algorithm>
#include <array>
#include <poll.h>

#include "agent/daemon/machine.h"
#include "base/log.h"
#include "base/service_manager.h"
#include "base/timestamp.h"

namespace ballast::agent {
namespace {

constexpr std::size_t kMostThreads = 64;
constexpr std::chrono::seconds kPatience{10}; // of those who ask the loop
constexpr std::size_t kMostNotes = 1024;      // remembered

std::size_t most_pulls(const KubeletConfig &config) {
    return config.serialize_image_pulls ? 1 : static_cast<std::size_t>(config.most_parallel_pulls);
}

// What they are held to. EINVAL: nothing is left for them.
Result<SliceLimits> pods_together(const Reservation &reservation, const NodeFacts &facts, const Allocatable &left) {
    if (left.milli_cpu == 0 || left.memory == 0) {
        return fail(EINVAL, "kubeReserved, systemReserved and evictionHard leave pods no processor or no memory");
    }
    SliceLimits limits;
    if (reservation.holds_pods()) {
        limits.memory = facts.memory - reservation.milli("memory") / 1000;
        const std::int64_t processes = reservation.milli("pid") / 1000;
        limits.processes = processes == 0 ? std::nullopt : std::optional(facts.most_processes - processes);
    }
    return limits;
}

} // namespace

Result<std::unique_ptr<Agent>> Agent::make(Options options, std::chrono::nanoseconds retry) {
    std::unique_ptr<Agent> agent(new Agent(std::move(options)));
    TRY(agent->open(retry));
    return agent;
}

Agent::~Agent() {
    certificate_.reset();
    if (server_) {
        questions_->close(); // which it may wait for
        server_.reset();
    }
    if (cluster_) {
        cluster_->stop();
    }
    if (upkeep_) {
        upkeep_->stop();
    }
    runtime_changes_.reset();
    pods_.reset(); // what they do is given up
    background_.reset();
    cluster_.reset();
}

Status Agent::open(std::chrono::nanoseconds retry) {
    const KubeletConfig &config = options_.config;
    const NodeFacts facts = read_node_facts("/", options_.root_directory);
    const Allocatable left = left_for_pods(config.reservation, facts);
    const SliceLimits together = TRY(pods_together(config.reservation, facts, left));
    runtime_ = std::make_unique<Runtime>(TRY(socket_of(config.runtime_endpoint)), config.runtime_request_timeout);
    images_ = std::make_unique<Images>(*runtime_, most_pulls(config));
    world_ = std::make_unique<World>(World{
        .options = options_,
        .runtime = *runtime_,
        .images = *images_,
        .http = http_,
        .kernel = {.classes = config.cgroups_per_qos,
                   .cpu_quota = config.cpu_cfs_quota,
                   .cpu_period = std::chrono::duration_cast<std::chrono::microseconds>(config.cpu_cfs_period).count(),
                   .memory = facts.memory},
        .node_address = options_.node_addresses.empty() ? address_of_machine() : options_.node_addresses.front(),
        .node_cpu = Quantity::of_milli(left.milli_cpu),
        .node_memory = Quantity::of(left.memory),
        .pods_together = together,
        .make_slice = {},
        .drop_slice = {},
        .note = [this](const Pod &pod, const Note &said) { note(pod, said); },
        .note_node = [this](const Note &said) { note_node(said); },
        .retry = retry,
    });
    if (config.cgroups_per_qos) {
        world_->make_slice = bus::make_slice;
        world_->drop_slice = bus::drop_slice;
    }
    background_ = TRY(Background::make(kMostThreads));
    questions_ = TRY(Questions::make());
    pods_ = std::make_unique<Pods>(*world_, *background_);
    runtime_changes_ = TRY(RuntimeChanges::follow(*runtime_));
    upkeep_ = std::make_unique<Upkeep>(*world_, *background_);
    if (!config.static_pod_path.empty()) {
        manifests_ = TRY(Manifests::open(config.static_pod_path, options_.node_name));
    }
    cluster_ = TRY(Cluster::open(options_, *runtime_, *background_, world_->node_address));
    if (cluster_) {
        world_->objects = cluster_->objects();
        TRY(open_server());
    }
    return {};
}

std::vector<std::string> Agent::addresses() const {
    if (options_.node_addresses.empty() && !world_->node_address.empty()) {
        return {world_->node_address};
    }
    return options_.node_addresses;
}

// Until the cluster has signed one it shows one of its own making, which nobody has to trust.
Result<ServingCertificate> Agent::serving_certificate() {
    const ServerConfig &config = options_.config.server;
    if (!config.certificate.empty()) {
        return ServingCertificate{.certificate = config.certificate, .key = config.key};
    }
    if (config.cluster_signs) {
        const Signing signing{.signer = "kubernetes.io/kubelet-serving",
                              .usage = "server auth",
                              .identity = {.organization = "system:nodes",
                                           .common_name = "system:node:" + options_.node_name,
                                           .names = {options_.node_name},
                                           .addresses = addresses()}};
        certificate_ = std::make_unique<SignedCertificate>(
            options_.certificates, [signing] { return signing; }, [this] { return cluster_->access(); });
        if (const auto current = certificate_->current()) {
            return *current;
        }
    }
    return own_certificate(options_.certificates, options_.node_name, addresses());
}

Status Agent::open_server() {
    const ServerConfig &config = options_.config.server;
    if (!config.enabled) {
        return {};
    }
    const ServingCertificate certificate = TRY(serving_certificate());
    node_rate_ = std::make_unique<NodeRate>(read_node_usage("/", options_.root_directory).usage);
    server_ = TRY(NodeServer::start(config, options_.node_name, certificate, cluster_->server(),
                                    {.runtime = *runtime_,
                                     .pods = pod_source(),
                                     .healthy = [this] { return questions_->ask([] {}, kPatience); },
                                     .pod_logs = options_.config.pod_logs,
                                     .node_name = options_.node_name,
                                     .node_usage = [this] { return node_usage(); }}));
    if (certificate_) {
        certificate_->keep([this](const ServingCertificate &signed_one) { server_->use(signed_one); });
    }
    return {};
}

// From any thread.
NodeUsage Agent::node_usage() {
    NodeUsage usage = read_node_usage("/", options_.root_directory);
    usage.usage.nano_cores = node_rate_->rate(usage.usage);
    return usage;
}

PodSource Agent::pod_source() {
    return {.pods = [this]() -> Result<std::vector<Json>> {
                std::vector<Json> objects;
                TRY(questions_->ask([&] { objects = cluster_->shown(*pods_); }, kPatience));
                return objects;
            },
            .pod = [this](const std::string &name_space, const std::string &name,
                          const std::string &uid) -> Result<ShownPod> {
                std::optional<ShownPod> found;
                TRY(questions_->ask([&] { found = cluster_->shown(*pods_, name_space + "/" + name, uid); }, kPatience));
                return found ? Result<ShownPod>(std::move(*found))
                             : fail(ENOENT, "pod \"" + name + "\" does not exist");
            }};
}

Status Agent::answer_on_bus() {
    bus_ = TRY(bus::Service::open(
        {.ready = [this] { return pods_->ready(); },
         .pods = [this] { return pods_->list(); },
         .drain =
             [this](std::chrono::seconds time, bus::Answer answer) {
                 ask_cluster([time](Cluster &cluster) { return cluster.drain(time); }, std::move(answer));
             },
         .uncordon =
             [this](bus::Answer answer) {
                 ask_cluster([](Cluster &cluster) { return cluster.uncordon(); }, std::move(answer));
             }}));
    return {};
}

Status Agent::delay_shutdown() {
    const std::vector<ShutdownPeriod> periods = options_.config.shutdown.periods();
    if (!periods.empty()) {
        shutdown_delay_ = TRY(bus::ShutdownDelay::open(whole_time(periods)));
    }
    return {};
}

// Without a cluster nobody sends pods here, nor would take them.
void Agent::ask_cluster(std::function<Status(Cluster &)> question, bus::Answer answer) {
    if (!cluster_ || asking_) {
        answer(cluster_ ? Status(fail(EBUSY, "this node is being drained or opened already")) : Status());
        return;
    }
    asking_ = true;
    background_->run([this, question = std::move(question), answer = std::move(answer)]() -> Background::After {
        const Status done = question(*cluster_);
        return [this, answer, done] {
            asking_ = false;
            answer(done);
        };
    });
}

void Agent::process_bus() {
    if (bus_ == nullptr) {
        return;
    }
    if (const Status done = bus_->process(); !done.has_value()) {
        log::warning(done.error().message + "; nobody is answered on the bus any more");
        bus_.reset();
    }
}

void Agent::process_shutdown(Pods::Time now) {
    if (!shutdown_delay_) {
        return;
    }
    const Result<std::optional<bool>> news = shutdown_delay_->process();
    if (!news.has_value()) {
        log::warning(news.error().message + "; a shutdown does not wait for pods any more");
        shutdown_delay_.reset();
    } else if (*news) {
        prepare_shutdown(**news, now);
    }
    for (const Shutdown::End &end : shutdown_.step(pods_->for_shutdown(), now)) {
        pods_->end(end);
    }
}

// `down`: or it is not shut down after all.
void Agent::prepare_shutdown(bool down, Pods::Time now) {
    if (down) {
        log::notice("the machine is shut down: pods are ended first");
        shutdown_.begin(now);
    } else {
        log::notice("the machine is not shut down after all");
        shutdown_.cancel();
        told_by_.reset();
    }
    if (cluster_) {
        cluster_->set_leaving(down);
    }
}

// Once pods have ended and the API server was told so, if that does not take long.
void Agent::let_machine_go(Pods::Time now) {
    constexpr std::chrono::seconds kTelling{5};
    if (!shutdown_.done() || !shutdown_delay_) {
        return;
    }
    told_by_ = told_by_.value_or(now + kTelling);
    if (!cluster_ || cluster_->has_told() || now >= *told_by_) {
        shutdown_delay_->release();
    }
}

// The same thing said again about a pod is said once.
void Agent::note(const Pod &pod, const Note &said) {
    if (cluster_) {
        cluster_->note(pod, said);
    }
    {
        const std::lock_guard lock(notes_mutex_);
        if (notes_.size() > kMostNotes) {
            notes_.clear();
        }
        std::string &last = notes_[pod.uid + said.reason];
        if (said.warning && last == said.message) {
            return;
        }
        last = said.message;
    }
    log::write(said.warning ? log::Level::kWarning : log::Level::kInfo,
               "pod " + pod.full_name() + ": " + said.reason + ": " + said.message,
               {{"POD_UID", pod.uid}, {"POD_NAME", pod.name}, {"POD_NAMESPACE", pod.name_space}});
}

// From any thread.
void Agent::note_node(const Note &said) {
    if (cluster_) {
        cluster_->note_node(said);
    }
    log::write(said.warning ? log::Level::kWarning : log::Level::kInfo, said.reason + ": " + said.message);
}

void Agent::scan(Pods::Time now) {
    next_scan_ = now + options_.config.file_check_frequency;
    Manifests::Found found = manifests_->scan();
    for (const std::string &problem : found.problems) {
        log::error(problem);
    }
    if (found.complete) {
        static_pods_ = std::move(found.pods);
        if (cluster_) {
            cluster_->set_static(*static_pods_);
        }
        want();
    }
}

// Static pods and those of the cluster. Until the former are known nobody says what is not wanted.
void Agent::want() {
    if (!static_pods_) {
        return;
    }
    std::vector<WantedPod> pods = cluster_ ? cluster_->wanted() : std::vector<WantedPod>();
    for (const Pod &pod : *static_pods_) {
        pods.push_back({.pod = pod});
    }
    pods_->want(std::move(pods), !cluster_ || cluster_->known());
}

int Agent::wait_time(Pods::Time now, std::optional<std::chrono::microseconds> watchdog) const {
    Pods::Time due = std::min({next_scan_, pods_->next_look(now, runtime_changes_->told()), upkeep_->due()});
    for (const auto &[uid, pod] : pods_->all()) {
        due = std::min(due, pod->due().value_or(Pods::Time::max()));
    }
    due = std::min(due, shutdown_.due().value_or(Pods::Time::max()));
    if (told_by_ && *told_by_ > now) {
        due = std::min(due, *told_by_);
    }
    if (cluster_) {
        due = std::min(due, cluster_->due().value_or(Pods::Time::max()));
    }
    if (watchdog) {
        due = std::min<Pods::Time>(due, now + *watchdog);
    }
    constexpr std::chrono::milliseconds kMost = std::chrono::minutes(1);
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(std::max(due - now, Pods::Time(0)));
    return static_cast<int>(std::min(wait, kMost).count());
}

Status Agent::run(BorrowedFd ended, std::optional<std::chrono::microseconds> watchdog) {
    if (!manifests_) {
        static_pods_.emplace();
        if (cluster_) {
            cluster_->set_static({});
        }
        want();
        next_scan_ = Pods::Time::max();
    }
    while (true) {
        Pods::Time now(now_ns());
        if (manifests_ && (now >= next_scan_ || next_scan_ > now + options_.config.file_check_frequency)) {
            scan(now);
        }
        process_shutdown(now);
        upkeep_->step(*pods_, now);
        bool again = pods_->step(now);
        if (cluster_ && cluster_->step(*pods_, now)) {
            want();
            again = true;
        }
        let_machine_go(now);
        pods_->changed(runtime_changes_->take());
        if (now >= pods_->next_look(now, runtime_changes_->told())) {
            pods_->look(now);
        }
        if (watchdog) {
            service::alive();
        }
        process_bus();
        std::array<pollfd, 9> entries = {{{ended.get(), POLLIN, 0},
                                          {background_->finished().get(), POLLIN, 0},
                                          {manifests_ ? manifests_->changed().get() : -1, POLLIN, 0},
                                          {bus_ ? bus_->fd().get() : -1, bus_ ? bus_->events() : short{0}, 0},
                                          {cluster_ ? cluster_->changed()[0].get() : -1, POLLIN, 0},
                                          {cluster_ ? cluster_->changed()[1].get() : -1, POLLIN, 0},
                                          {questions_->asked().get(), POLLIN, 0},
                                          {runtime_changes_->changed().get(), POLLIN, 0},
                                          {shutdown_delay_ ? shutdown_delay_->fd().get() : -1,
                                           shutdown_delay_ ? shutdown_delay_->events() : short{0}, 0}}};
        if (poll(entries.data(), entries.size(), again ? 0 : wait_time(now, watchdog)) < 0 && errno != EINTR) {
            return fail_errno("poll");
        }
        if (entries[0].revents != 0) {
            return {};
        }
        background_->finish();
        questions_->answer();
        if (entries[2].revents != 0) {
            next_scan_ = Pods::Time(0);
        }
    }
}

} // namespace ballast::agent
