// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <format>
#include <runtime/v1/api.pb.h>
#include <thread>

#include "agent/pods/resolver.h"
#include "agent/pods/sandbox_config.h"
#include "agent/volumes/volumes.h"
#include "agent/worker/jobs.h"
#include "base/file_io.h"

namespace ballast::agent {
namespace {

namespace fs = std::filesystem;
namespace cri = ::runtime::v1;

class Sync {
  public:
    Sync(const World &world, const Job &job)
        : world_(world), job_(job), pod_(*job.pod), directory_(world.options.root_directory, pod_.uid) {}

    JobResult run() {
        if (const Status stopped = stop_some(); !stopped.has_value()) {
            return failed({}, stopped.error());
        }
        if (job_.plan.start.empty()) {
            return std::move(result_);
        }
        if (const Status prepared = prepare(); !prepared.has_value()) {
            return failed("FailedMount", prepared.error());
        }
        if (const Status made = job_.plan.new_sandbox ? make_sandbox() : find_sandbox(); !made.has_value()) {
            return failed("FailedCreatePodSandBox", made.error());
        }
        if (const Status written = write_hosts(); !written.has_value()) {
            return failed("FailedMount", written.error());
        }
        start_all();
        return std::move(result_);
    }

  private:
    JobResult failed(const std::string &reason, const Error &error) {
        result_.failed = true;
        if (error.code != ECANCELED) {
            const std::string prefix = reason == "FailedCreatePodSandBox" ? "Failed to create pod sandbox: " : "";
            world_.note(pod_, {.warning = true,
                               .reason = reason.empty() ? "FailedKillPod" : reason,
                               .message = prefix + error.message});
            result_.sandbox = Waiting{reason, error.message};
        }
        return std::move(result_);
    }

    Status stop_some() {
        std::vector<Status> results(job_.plan.stop.size());
        {
            std::vector<std::jthread> threads;
            for (std::size_t i = 0; i < results.size(); i++) {
                threads.emplace_back([&, i] { results[i] = stop_one(job_.plan.stop[i]); });
            }
        }
        for (const Status &result : results) {
            TRY(result);
        }
        return job_.plan.new_sandbox ? stop_sandboxes() : Status();
    }

    Status stop_one(const Stop &stop) const {
        const auto found = std::ranges::find(job_.observed.containers, stop.id, &ObservedContainer::id);
        return found == job_.observed.containers.end()
                   ? Status()
                   : stop_container(world_, pod_, job_.observed, *found,
                                    std::chrono::seconds(std::max<std::int64_t>(stop.grace.value_or(pod_.grace), 1)),
                                    std::format("Container {}: {}", stop.name, stop.reason));
    }

    // What is left of them, which is a network at least, before another is made.
    Status stop_sandboxes() {
        for (const ObservedSandbox &sandbox : job_.observed.sandboxes) {
            TRY(world_.runtime.stop_sandbox(sandbox.id));
        }
        return {};
    }

    Status prepare() {
        TRY(directory_.make());
        TRY(make_volumes(pod_, directory_, {world_.surroundings(), world_.objects}));
        const std::string host_resolver = world_.options.config.resolv_conf;
        const std::string text = host_resolver.empty() ? "" : read_file(host_resolver).value_or("");
        const ClusterDns cluster{.servers = world_.options.config.cluster_dns,
                                 .domain = world_.options.config.cluster_domain,
                                 .host = parse_resolv_conf(text)};
        std::string warning;
        const DnsConfig dns = dns_of(pod_, cluster, &warning);
        if (!warning.empty() && job_.plan.new_sandbox) {
            world_.note(pod_, {.warning = true, .reason = "MissingClusterDNS", .message = warning});
        }
        hostname_ = TRY(hostname_of(pod_, cluster.domain, world_.options.node_name));
        const unsigned attempt = job_.plan.new_sandbox || job_.observed.sandbox() == nullptr
                                     ? job_.plan.sandbox_attempt
                                     : job_.observed.sandbox()->attempt;
        config_ = TRY(sandbox_config(
            pod_, {.attempt = attempt,
                   .hostname = hostname_,
                   .dns = dns,
                   .log_directory = (fs::path(world_.options.config.pod_logs) / log_directory_name(pod_)).string(),
                   .cgroup_parent = world_.options.config.cgroups_per_qos ? slice_of(pod_) : ""}));
        return {};
    }

    Status make_sandbox() {
        TRY(make_directories(config_.log_directory()));
        if (world_.options.config.cgroups_per_qos && world_.make_slice) {
            TRY(world_.make_slice(slice_of(pod_), slice_limits_of(pod_, world_.options.config.pod_pids_limit)));
        }
        sandbox_ = TRY(world_.runtime.run_sandbox(config_, job_.stop));
        return find_address();
    }

    Status find_sandbox() {
        sandbox_ = job_.observed.sandbox()->id; // a plan without a new one has one
        return find_address();
    }

    Status find_address() {
        address_ = pod_.host_network ? world_.node_address : TRY(world_.runtime.sandbox_address(sandbox_));
        return {};
    }

    Status write_hosts() {
        const std::string host = pod_.host_network ? read_file("/etc/hosts").value_or("") : "";
        return replace_file(directory_.hosts(),
                            hosts_file(pod_, address_, hostname_, world_.options.config.cluster_domain, host));
    }

    void start_all() {
        for (const std::string &name : job_.plan.start) {
            const Container *container = find_container(pod_, name);
            if (job_.stop.stop_requested() || container == nullptr) {
                return;
            }
            if (auto waiting = start_container(world_, job_, *container, sandbox_, address_, config_)) {
                result_.waiting.insert_or_assign(name, std::move(*waiting));
                result_.failed = true;
            }
        }
        // What cannot be removed now is garbage the next time as well.
        (void)remove_garbage(world_, pod_, garbage_of(job_.observed));
    }

    const World &world_;
    const Job &job_;
    const Pod &pod_;
    PodDirectory directory_;
    cri::PodSandboxConfig config_;
    std::string hostname_, sandbox_, address_;
    JobResult result_;
};

} // namespace

JobResult sync_pod(const World &world, const Job &job) { return Sync(world, job).run(); }

} // namespace ballast::agent
