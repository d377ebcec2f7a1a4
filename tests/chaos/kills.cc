// SPDX-License-Identifier: Apache-2.0
#include "tests/chaos/kills.h"

#include <algorithm>
#include <chrono>
#include <format>
#include <iostream>
#include <iterator>
#include <thread>

#include "base/file_io.h"
#include "runtime/image/tar.h"
#include "tests/chaos/small_registry.h"
#include "tests/chaos/truth.h"

namespace ballast::chaos {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr auto kSettling = 120s; // restarts and removals that were under way come to their end in it

Status import_worker(EngineClient &client, const std::filesystem::path &program) {
    std::string archive;
    image::TarWriter writer = TRY(image::TarWriter::open([&archive](std::string_view bytes) -> Status {
        archive += bytes;
        return {};
    }));
    for (const char *path : {"out", "tmp", "proc", "sys", "dev", "etc"}) {
        image::TarEntry entry;
        entry.path = path;
        entry.kind = image::EntryKind::kDirectory;
        entry.mode = 0755;
        TRY(writer.add(entry));
    }
    const std::string content = TRY(read_file(program));
    image::TarEntry entry;
    entry.path = "worker";
    entry.mode = 0755;
    entry.size = content.size();
    TRY(writer.add_file(entry, content));
    TRY(writer.close());
    const EngineClient::Answer answer = TRY(client.call(
        "POST", std::string("/images/create?fromSrc=-&repo=") + kImage + "&changes=ENTRYPOINT%20%5B%22%2Fworker%22%5D",
        archive, "application/x-tar"));
    return answer.good() && !answer.body.contains("\"error\"") ? Status() : fail(EIO, "import: " + answer.body);
}

// Until there is nothing to say, or for as long as it may take.
std::vector<std::string> settled(const std::function<std::vector<std::string>()> &look) {
    const auto end = std::chrono::steady_clock::now() + kSettling;
    std::vector<std::string> problems = look();
    while (!problems.empty() && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(500ms);
        problems = look();
    }
    return problems;
}

void remove_everything(EngineClient &client) {
    const Result<EngineClient::Answer> listed = client.call("GET", "/containers/json?all=1");
    for (const json &one : listed ? listed->json() : json::array()) {
        (void)client.call("DELETE", "/containers/" + one["Id"].get<std::string>() + "?force=1&v=1"); // looked for below
    }
    (void)client.call("POST", "/images/prune?filters=%7B%22dangling%22%3A%5B%22false%22%5D%7D");
    const Result<EngineClient::Answer> images = client.call("GET", "/images/json?all=1");
    for (const json &one : images ? images->json() : json::array()) {
        (void)client.call("DELETE", "/images/" + one["Id"].get<std::string>() + "?force=1");
    }
    (void)client.call("DELETE", std::string("/networks/") + kNetwork);
}

void stop_everything(EngineClient &client) {
    const Result<EngineClient::Answer> listed = client.call("GET", "/containers/json");
    std::vector<std::jthread> threads;
    for (const json &one : listed ? listed->json() : json::array()) {
        threads.emplace_back([&client, id = one["Id"].get<std::string>()] {
            (void)client.call("POST", "/containers/" + id + "/unpause"); // most are not
            (void)client.call("POST", "/containers/" + id + "/stop?t=30");
        });
    }
}

} // namespace

std::vector<std::string> kill_at_random(const Place &place, const Effort &effort, const std::filesystem::path &program,
                                        const std::function<std::vector<std::string>()> &kept) {
    EngineClient client(place.socket);
    if (!client.wait_until_there()) {
        return {"the engine does not answer"};
    }
    const Holdings before = holdings_of_daemon(place);
    if (const Status done = import_worker(client, program); !done) {
        return {done.error().message};
    }
    if (const auto made = client.call("POST", "/networks/create", json{{"Name", kNetwork}}.dump());
        !made || !made->good()) {
        return {"a network: " + (made ? made->body : made.error().message)};
    }
    const Result<SmallRegistry> registry = SmallRegistry::start(effort.images, effort.seed);
    if (!registry) {
        return {registry.error().message};
    }
    std::vector<std::string> images;
    for (int image = 0; image < effort.images; image++) {
        images.push_back(registry->name(image));
    }
    Killer killer(place, effort.seed);
    Workload workload(place, effort, images, killer);
    {
        std::jthread work([&](const std::stop_token &stop) { workload.run(stop); });
        std::jthread kills([&](const std::stop_token &stop) { killer.run(stop); });
        std::this_thread::sleep_for(std::chrono::seconds(effort.seconds));
    }
    const Killer::Toll toll = killer.toll();
    std::cout << std::format("seed {}: {} requests succeeded; killed: {} daemons, {} monitors, {} runtimes\n",
                             effort.seed, workload.done(), toll.daemons, toll.monitors, toll.runtimes)
              << std::flush;
    std::vector<std::string> problems = workload.problems();
    const auto add = [&problems](const char *when, const std::vector<std::string> &found) {
        for (const std::string &one : found) {
            problems.push_back(std::string(when) + ": " + one);
        }
    };
    if (!client.wait_until_there()) {
        return {"the engine does not come back"};
    }
    const auto look = [&] { return check_containers(client, place, workload.asked(), killer); };
    add("afterwards", settled(look));
    stop_everything(client);
    add("stopped", settled(look));
    remove_everything(client);
    add("removed", settled([&] { return check_nothing_left(place); }));
    add("removed", settled([&] {
            std::vector<std::string> names = kept();
            for (std::string &name : names) {
                name = "descriptor " + name + " is kept";
            }
            const Holdings after = holdings_of_daemon(place);
            if (after.dead_children > 0) {
                names.push_back(std::format("{} dead children of the daemon", after.dead_children));
            }
            if (after.descriptors.size() > before.descriptors.size() + 8 || after.threads > before.threads + 4) {
                std::vector<std::string> more;
                std::ranges::set_difference(after.descriptors, before.descriptors, std::back_inserter(more));
                names.push_back(std::format("the daemon has {} threads, had {}, and {} more descriptors:",
                                            after.threads, before.threads, more.size()));
                for (const std::string &one : more) {
                    names.back() += " " + one;
                }
            }
            return names;
        }));
    return problems;
}

} // namespace ballast::chaos
