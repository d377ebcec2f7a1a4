// SPDX-License-Identifier: Apache-2.0
#include "tests/control_plane/servers.h"

#include <algorithm>
#include <csignal>
#include <format>
#include <thread>

#include "base/digest.h"
#include "base/file_io.h"
#include "tests/unit/setting.h"

namespace ballast::control_plane {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto kPatience = 120s; // of who would wait for ever
constexpr const char *kStore = "http://127.0.0.1:2379";
constexpr const char *kStorePeer = "http://127.0.0.1:2380";

std::string last_lines(const fs::path &file) {
    constexpr std::size_t kShown = 4000;
    const std::string text = read_file(file).value_or("");
    return file.filename().string() + ":\n" + text.substr(text.size() - std::min(text.size(), kShown)) + "\n";
}

} // namespace

fs::path newer_programs() { return given_peers() / "kubernetes"; }

std::optional<fs::path> programs() {
    constexpr std::size_t kKey = 16;
    const fs::path built =
        fs::path("/var/cache/ballast/peers") /
        ("kubernetes-" + sha256_file(BALLAST_CONTROL_PLANE_BUILD).value_or(std::string(kKey, '-')).substr(0, kKey));
    for (const fs::path &directory : {newer_programs(), built}) {
        if (fs::exists(directory / "kube-apiserver")) {
            return directory;
        }
    }
    return std::nullopt;
}

Result<Servers> Servers::start(Options options) {
    const auto found = programs();
    if (!found) {
        return fail(ENOENT, kNoPrograms);
    }
    Servers servers(std::move(options), *found);
    if (const Status started = servers.start_all(); !started.has_value()) {
        return fail(started.error().code, started.error().message + "\n" + servers.logs());
    }
    return servers;
}

Status Servers::start_all() {
    TRY(make_directories(options_.directory));
    TRY(make_authority());
    TRY(make_certificate("server", "/CN=kube-apiserver",
                         "IP:127.0.0.1,IP:10.96.0.1,DNS:kubernetes.default.svc" +
                             (options_.name.empty() ? "" : ",IP:" + options_.name)));
    TRY(make_certificate("kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client"));
    (void)TRY(run_checked({.arguments = {"openssl", "genrsa", "-out", path("accounts.key").string(), "2048"}}));
    TRY(start_store());
    (void)TRY(kubeconfig("admin", "system:masters"));
    TRY(start_api_server());
    TRY(start_controllers());
    return wait_for_accounts();
}

Status Servers::start_store() {
    return run_beside("etcd", {"etcd", "--data-dir", path("store").string(), "--listen-client-urls", kStore,
                               "--advertise-client-urls", kStore, "--listen-peer-urls", kStorePeer,
                               "--initial-advertise-peer-urls", kStorePeer, "--initial-cluster",
                               std::string("default=") + kStorePeer, "--unsafe-no-fsync"});
}

Status Servers::start_controllers() {
    const std::string controllers = TRY(kubeconfig("system:kube-controller-manager")).string();
    TRY(run_beside(
        "controllers",
        {(programs_ / "kube-controller-manager").string(), "--kubeconfig=" + controllers, "--leader-elect=false",
         "--use-service-account-credentials=true", "--controllers=*,bootstrapsigner,tokencleaner",
         "--service-account-private-key-file=" + path("accounts.key").string(),
         "--root-ca-file=" + path("ca.crt").string(), "--cluster-signing-cert-file=" + path("ca.crt").string(),
         "--cluster-signing-key-file=" + path("ca.key").string(), "--bind-address=127.0.0.1",
         "--cert-dir=" + path("controllers-certs").string(), "--pvclaimbinder-sync-period=1s"}));
    const std::string scheduler = TRY(kubeconfig("system:kube-scheduler")).string();
    return run_beside("scheduler",
                      {(programs_ / "kube-scheduler").string(), "--kubeconfig=" + scheduler, "--leader-elect=false",
                       "--bind-address=127.0.0.1", "--cert-dir=" + path("scheduler-certs").string()});
}

// Pods are refused before that of the default namespace is there.
Status Servers::wait_for_accounts() const {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (TRY(kubectl({"get", "serviceaccount", "default"})).status != 0) {
        if (std::chrono::steady_clock::now() > end) {
            return fail(ETIMEDOUT, "the control plane makes no service account");
        }
        std::this_thread::sleep_for(100ms);
    }
    return {};
}

Status Servers::make_authority() const {
    (void)TRY(run_checked({.arguments = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                                         "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=ca",
                                         "-keyout", path("ca.key").string(), "-out", path("ca.crt").string()}}));
    return {};
}

Status Servers::make_certificate(const std::string &name, const std::string &subject, const std::string &names) const {
    const std::string request = path(name + ".csr").string();
    (void)TRY(
        run_checked({.arguments = {"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                                   "-subj", subject, "-keyout", path(name + ".key").string(), "-out", request}}));
    TRY(write_file(path("extensions"), names.empty() ? "extendedKeyUsage=clientAuth\n"
                                                     : "extendedKeyUsage=serverAuth\nsubjectAltName=" + names + "\n"));
    (void)TRY(run_checked({.arguments = {"openssl", "x509", "-req", "-in", request, "-CA", path("ca.crt").string(),
                                         "-CAkey", path("ca.key").string(), "-CAcreateserial", "-days", "1", "-extfile",
                                         path("extensions").string(), "-out", path(name + ".crt").string()}}));
    return {};
}

Result<fs::path> Servers::kubeconfig(const std::string &name, const std::string &group) const {
    std::string file = name;
    std::ranges::replace(file, ':', '-');
    TRY(make_certificate(file, (group.empty() ? "" : "/O=" + group) + "/CN=" + name));
    TRY(write_file(path(file + ".conf"), std::format(R"(apiVersion: v1
kind: Config
clusters:
- name: c
  cluster: {{server: "https://127.0.0.1:{}", certificate-authority: "{}"}}
users:
- name: u
  user: {{client-certificate: "{}", client-key: "{}"}}
contexts:
- name: x
  context: {{cluster: c, user: u}}
current-context: x
)",
                                                     kPort, path("ca.crt").string(), path(file + ".crt").string(),
                                                     path(file + ".key").string())));
    return path(file + ".conf");
}

Status Servers::run_beside(const std::string &name, std::vector<std::string> arguments) {
    children_.push_back(TRY(Child::start({.arguments = std::move(arguments), .log = path(name + ".log")})));
    return {};
}

Status Servers::start_api_server() {
    api_server_ = TRY(Child::start({.arguments = {(programs_ / "kube-apiserver").string(),
                                                  std::string("--etcd-servers=") + kStore,
                                                  "--bind-address=" + options_.bind,
                                                  "--advertise-address=127.0.0.1",
                                                  "--secure-port=" + std::to_string(kPort),
                                                  "--endpoint-reconciler-type=none",
                                                  "--service-cluster-ip-range=10.96.0.0/16",
                                                  "--authorization-mode=Node,RBAC",
                                                  "--enable-admission-plugins=NodeRestriction",
                                                  "--allow-privileged=true",
                                                  "--enable-bootstrap-token-auth=true",
                                                  "--client-ca-file=" + path("ca.crt").string(),
                                                  "--tls-cert-file=" + path("server.crt").string(),
                                                  "--tls-private-key-file=" + path("server.key").string(),
                                                  "--kubelet-client-certificate=" + path("kubelet-client.crt").string(),
                                                  "--kubelet-client-key=" + path("kubelet-client.key").string(),
                                                  "--kubelet-preferred-address-types=InternalIP",
                                                  "--service-account-issuer=https://kubernetes.default.svc",
                                                  "--service-account-key-file=" + path("accounts.key").string(),
                                                  "--service-account-signing-key-file=" + path("accounts.key").string(),
                                                  "--cert-dir=" + path("server-certs").string()},
                                    .log = path("api-server.log")}));
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (TRY(kubectl({"get", "--raw", "/readyz"})).status != 0) {
        if (api_server_->wait(100ms).has_value() || std::chrono::steady_clock::now() > end) {
            return fail(ETIMEDOUT, "the API server does not come up");
        }
    }
    return {};
}

Status Servers::kill_api_server() {
    TRY(api_server_->signal(SIGKILL));
    (void)TRY(api_server_->wait(kPatience));
    api_server_.reset();
    return {};
}

Result<Completed> Servers::kubectl(std::vector<std::string> words, const std::string &input) const {
    words.insert(words.begin(), {"kubectl", "--kubeconfig", path("admin.conf").string()});
    return run({.arguments = std::move(words),
                .environment = {{"KUBECACHEDIR", path("kubectl-cache").string()}},
                .input = input,
                .timeout = kPatience});
}

std::string Servers::logs() const {
    std::string text;
    for (const char *name : {"etcd.log", "api-server.log", "controllers.log", "scheduler.log"}) {
        text += last_lines(path(name));
    }
    return text;
}

} // namespace ballast::control_plane
