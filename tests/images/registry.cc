// SPDX-License-Identifier: Apache-2.0
#include "tests/images/registry.h"

#include <chrono>
#include <csignal>
#include <thread>

#include "tests/images/layout.h"
#include "tests/images/registry_files.h"

namespace ballast::images {
namespace {

using std::filesystem::path;
using namespace std::chrono_literals;

constexpr auto kStartLimit = 30s;
constexpr auto kStopLimit = 5s;
constexpr auto kPushLimit = 120s;

std::string last_line(std::string text) {
    text.erase(text.find_last_not_of('\n') + 1);
    return text.substr(text.rfind('\n') + 1);
}

void append(std::vector<std::string> &arguments, const std::vector<std::string> &more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
}

Result<RegistryFiles> write_files(const path &scratch, const RegistryOptions &options) {
    RegistryFiles files{.port = options.port, .storage = scratch / "storage"};
    TRY(make_directories(files.storage));
    if (options.tls) {
        TRY(make_certificates(scratch, options.certificate_names));
        files.certificate = scratch / "server.crt";
        files.key = scratch / "server.key";
        if (options.client_certificates) {
            TRY(make_client_certificate(scratch));
            files.clients = scratch / "certs.d/ca.crt";
        }
    }
    if (!options.user.empty() || !options.password.empty()) {
        files.passwords = scratch / "htpasswd";
        const std::string line = TRY(htpasswd_line(options.user, options.password));
        TRY(write_file(files.passwords, line, 0600));
    }
    TRY(write_file(scratch / "config.json", registry_config(files)));
    return files;
}

// The log is the one place that names the port which the kernel chose.
Result<std::uint16_t> wait_until_listening(Child &server, const path &log) {
    const auto deadline = std::chrono::steady_clock::now() + kStartLimit;
    while (std::chrono::steady_clock::now() < deadline) {
        const Result<int> ended = server.wait(20ms);
        const std::string text = TRY(read_file(log));
        if (ended.has_value()) {
            return fail(EIO, "it ended with status " + std::to_string(*ended) + ": " + last_line(text));
        }
        if (ended.error().code != ETIMEDOUT) {
            return std::unexpected(ended.error());
        }
        if (const auto port = listening_port(text)) {
            return *port;
        }
    }
    return fail(ETIMEDOUT, "it does not listen after " + std::to_string(kStartLimit.count()) + " seconds");
}

} // namespace

Result<Registry> Registry::start(const RegistryOptions &options) {
    const std::string context = "start docker-registry";
    TemporaryDirectory scratch =
        TRY(TemporaryDirectory::create(std::filesystem::temp_directory_path(), "ballast-registry-").within(context));
    const RegistryFiles files = TRY(write_files(scratch.path(), options).within(context));
    const path log = scratch.path() / "registry.log";
    TRY(write_file(log, "").within(context));
    Command command;
    command.arguments = {"docker-registry", "serve", scratch.path() / "config.json"};
    command.log = log;
    Child server = TRY(Child::start(command).within(context));
    const std::uint16_t port = TRY(wait_until_listening(server, log).within(context));
    Registry registry(std::move(scratch), std::move(server), port, options.tls, !files.passwords.empty());
    if (registry.authenticated_) {
        TRY(registry.log_in(options).within(context));
    }
    return registry;
}

Registry::~Registry() {
    // A moved-from server has nothing to stop. Its storage is thrown away, so what it had not written does not matter.
    if (server_.pid() > 0 && server_.signal(SIGTERM).has_value()) {
        (void)server_.wait(kStopLimit); // ~Child() kills what is left
    }
}

Status Registry::log_in(const RegistryOptions &options) const {
    Command login;
    login.arguments = {"skopeo", "login", "--username", options.user, "--password-stdin"};
    append(login.arguments, skopeo_options(""));
    login.arguments.push_back(address());
    login.input = options.password;
    login.timeout = kPushLimit;
    TRY(run_checked(login));
    return {};
}

std::vector<std::string> Registry::skopeo_options(const std::string &prefix) const {
    std::vector<std::string> options{"--" + prefix + "tls-verify=" + (tls_ ? "true" : "false")};
    if (tls_) {
        options.insert(options.end(), {"--" + prefix + "cert-dir", certificates()});
    }
    if (authenticated_) {
        options.insert(options.end(), {"--" + prefix + "authfile", credentials()});
    }
    return options;
}

std::string Registry::reference(const std::string &name, const std::string &tag) const {
    return address() + "/" + name + ":" + tag;
}

Status Registry::push(const path &layout) const {
    const BuiltImage image = TRY(read_layout(layout));
    return push_as(layout, image.name, image.tag);
}

Status Registry::push_as(const path &layout, const std::string &name, const std::string &tag) const {
    const BuiltImage image = TRY(read_layout(layout));
    Command copy;
    copy.arguments = {"skopeo", "--insecure-policy", "copy", "--quiet", "--all", "--preserve-digests"};
    append(copy.arguments, skopeo_options("dest-"));
    append(copy.arguments, {"oci:" + layout.string() + ":" + image.tag, "docker://" + reference(name, tag)});
    copy.environment = {{"TMPDIR", scratch_.path()}}; // instead of /var/tmp
    copy.timeout = kPushLimit;
    TRY(run_checked(copy).within("push image " + image.name + " as " + name + ":" + tag));
    return {};
}

} // namespace ballast::images
