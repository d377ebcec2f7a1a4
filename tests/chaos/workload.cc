// SPDX-License-Identifier: Apache-2.0
#include "tests/chaos/workload.h"

#include <chrono>
#include <format>
#include <thread>

namespace ballast::chaos {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr int kNotThere = 404, kConflict = 409;

} // namespace

void Workload::run(const std::stop_token &stop) {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < effort_.threads; thread++) {
        threads.emplace_back([this, stop, thread] { work(stop, thread); });
    }
}

void Workload::work(const std::stop_token &stop, int thread) {
    std::minstd_rand random(effort_.seed * 100 + static_cast<unsigned>(thread));
    std::vector<Slot> slots;
    for (int number = thread; number < effort_.containers; number += effort_.threads) {
        slots.push_back({.number = number});
    }
    while (!stop.stop_requested()) {
        step(slots[random() % slots.size()], random);
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 20));
    }
}

void Workload::step(Slot &slot, std::minstd_rand &random) {
    if (!slot.exists) {
        create(slot, random);
        return;
    }
    switch (random() % 12) {
    case 0:
    case 1:
        ask(slot, "POST", "/stop?t=1");
        break;
    case 2:
        ask(slot, "POST", "/kill");
        break;
    case 3:
        ask(slot, "POST", "/restart?t=1");
        break;
    case 4:
        ask(slot, "POST", "/pause");
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 100));
        ask(slot, "POST", "/unpause");
        break;
    case 5:
    case 6:
    case 7:
        exec(slot, 3 + static_cast<int>(random() % 50));
        break;
    case 8:
        remove(slot);
        break;
    case 9:
        pull(random);
        break;
    default:
        ask(slot, "POST", "/start");
    }
}

int Workload::call(const std::string &method, const std::string &target, const std::string &body) {
    const Result<EngineClient::Answer> answer = client_.call(method, target, body);
    if (!answer) {
        std::this_thread::sleep_for(50ms); // the engine is on its way back
        return 0;
    }
    done_ += answer->good() ? 1 : 0;
    return answer->status;
}

void Workload::create(Slot &slot, std::minstd_rand &random) {
    slot.name = std::format("c{}-{}", slot.number, slot.generation++);
    Asked asked{.auto_remove = random() % 8 == 0,
                .ends_by_itself = random() % 3 == 0,
                .status = 1 + static_cast<int>(random() % 90)};
    const std::string lines = asked.ends_by_itself ? std::to_string(1 + random() % 80) : "0";
    json body = {
        {"Image", kImage},
        {"Cmd", {"count", slot.name, lines, std::to_string(asked.status)}},
        {"HostConfig",
         {{"NetworkMode", "none"}, {"Binds", {place_.out.string() + ":/out"}}, {"AutoRemove", asked.auto_remove}}}};
    if (random() % 4 == 0) {
        body["Volumes"] = {{"/anonymous", json::object()}};
    }
    if (random() % 2 == 0) { // with a lease, an interface, and perhaps a published port
        body["HostConfig"]["NetworkMode"] = random() % 3 == 0 ? kNetwork : "bridge";
        if (random() % 2 == 0) {
            body["ExposedPorts"] = {{"80/tcp", json::object()}};
            body["HostConfig"]["PortBindings"] = {{"80/tcp", {{{"HostPort", ""}}}}};
        }
    }
    {
        const std::scoped_lock lock(mutex_);
        asked_[slot.name] = asked;
    }
    const Result<EngineClient::Answer> answer =
        client_.call("POST", "/containers/create?name=" + slot.name, body.dump());
    slot.exists = true; // unless it was never heard of: then the next request says so
    if (answer && answer->status == 201) {
        done_++;
        const std::scoped_lock lock(mutex_);
        of(slot.name).id = answer->json().value("Id", "");
        of(slot.name).must_exist = !asked.auto_remove;
    } else if (answer && answer->status != kConflict) {
        complain("create " + slot.name + ": " + answer->body);
    }
    ask(slot, "POST", "/start");
}

void Workload::remove(Slot &slot) {
    {
        const std::scoped_lock lock(mutex_);
        of(slot.name).must_exist = false;
    }
    const int status = call("DELETE", "/containers/" + slot.name + "?force=1&v=1");
    if (status == 204 || status == kNotThere) {
        const std::scoped_lock lock(mutex_);
        of(slot.name).must_be_gone = true;
        slot.exists = false;
    }
}

void Workload::ask(const Slot &slot, const std::string &method, const std::string &verb) {
    if (verb.starts_with("/stop") || verb.starts_with("/kill") || verb.starts_with("/restart")) {
        const std::scoped_lock lock(mutex_);
        of(slot.name).signalled = true;
    }
    const int status = call(method, "/containers/" + slot.name + verb);
    const std::scoped_lock lock(mutex_);
    const Asked &asked = of(slot.name);
    if (status == kNotThere && asked.must_exist) {
        problems_.push_back(slot.name + " was created and is not known any more");
    }
}

bool Workload::is_running(const std::string &name) {
    const Result<EngineClient::Answer> answer = client_.call("GET", "/containers/" + name + "/json");
    const json body = answer ? answer->json() : json();
    return body.is_object() && body.contains("State") && body["State"].value("Running", false) &&
           !body["State"].value("Paused", false);
}

// That could have been its own; of one whose creation was not heard of, any.
int Workload::monitor_kills(const std::string &name) {
    const std::scoped_lock lock(mutex_);
    const std::string &id = of(name).id;
    return id.empty() ? killer_.toll().monitors : killer_.monitor_kills(id);
}

bool Workload::may_end(const std::string &name) {
    const std::scoped_lock lock(mutex_);
    return of(name).ends_by_itself || of(name).signalled;
}

// An exec that was started ends with its own status, or it says that this is lost, and only when a monitor was killed.
void Workload::exec(const Slot &slot, int status) {
    const int kills = monitor_kills(slot.name);
    const Result<EngineClient::Answer> made =
        client_.call("POST", "/containers/" + slot.name + "/exec",
                     json{{"AttachStdout", true}, {"Cmd", {"/worker", "exit", std::to_string(status)}}}.dump());
    if (!made || made->status != 201) {
        return;
    }
    const std::string id = made->json().value("Id", "");
    const Result<EngineClient::Answer> started =
        client_.call("POST", "/exec/" + id + "/start", json{{"Detach", false}}.dump());
    if (started && !started->good()) {
        return; // it says that it was not started
    }
    for (int attempt = 0; attempt < 1000; attempt++) {
        const Result<EngineClient::Answer> seen = client_.call("GET", "/exec/" + id + "/json");
        if (!seen) {
            std::this_thread::sleep_for(50ms);
            continue;
        }
        const json body = seen->json();
        if (seen->status == kNotThere || (body.value("Running", false) && !is_running(slot.name))) {
            if (is_running(slot.name) && started) {
                complain(std::format("exec {} of {} was started and is forgotten", id.substr(0, 12), slot.name));
            }
            return;
        }
        if (body.value("Running", false)) {
            std::this_thread::sleep_for(10ms);
            continue;
        }
        const json code = body.contains("ExitCode") ? body["ExitCode"] : json();
        const bool lost = code == 255 || code == 137 || code == 126; // it or its runtime was killed, too
        if (code == 126 && may_end(slot.name)) {
            return; // it says that it was not started: its container ended first
        }
        if (started && code != status && !(lost && killer_.toll().monitors + killer_.toll().runtimes > 0) &&
            (!code.is_null() || kills == monitor_kills(slot.name))) {
            complain(std::format("exec {} of {} ended with {} instead of {}", id.substr(0, 12), slot.name, code.dump(),
                                 status));
        }
        return;
    }
    complain(std::format("exec {} of {} never ends", id.substr(0, 12), slot.name));
}

void Workload::pull(std::minstd_rand &random) {
    if (images_.empty()) {
        return;
    }
    const std::string &image = images_[random() % images_.size()];
    if (random() % 3 == 0) {
        (void)call("DELETE", "/images/" + image + ":latest?force=1");
    } else {
        (void)call("POST", "/images/create?tag=latest&fromImage=" + image);
    }
}

void Workload::complain(std::string problem) {
    const std::scoped_lock lock(mutex_);
    problems_.push_back(std::move(problem));
}

std::map<std::string, Asked> Workload::asked() const {
    const std::scoped_lock lock(mutex_);
    return asked_;
}

std::vector<std::string> Workload::problems() const {
    const std::scoped_lock lock(mutex_);
    return problems_;
}

} // namespace ballast::chaos
