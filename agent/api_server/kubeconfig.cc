// SPDX-License-Identifier: Apache-2.0
#include "agent/api_server/kubeconfig.h"

#include <array>
#include <fcntl.h>

#include "base/base64.h"
#include "base/file_io.h"
#include "base/http/proxy.h"
#include "base/quote.h"
#include "base/yaml.h"

namespace ballast::agent {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> wrong(const YamlNode &at, const std::string &problem) {
    return fail(EINVAL, at.where() + ": " + problem);
}

// The entry of that name in `clusters`, `users` or `contexts`: its member `kind`.
Result<YamlNode> entry(const YamlNode &root, const char *list, const std::string &name, const char *kind) {
    const YamlNode entries = TRY(root.at(list));
    for (const YamlNode &item : TRY(entries.items())) {
        if (TRY(item.string("name")) == name) {
            return item.at(kind);
        }
    }
    return wrong(entries, std::string(kind) + " " + quote(name) + " is not among the " + list);
}

class Reader {
  public:
    Reader(const YamlNode &root, const fs::path &file) : root_(root), directory_(file.parent_path()) {}

    Result<ApiAccess> read() {
        const YamlNode context =
            TRY(entry(root_, "contexts", TRY(root_.string("current-context")), "context").within("current-context"));
        TRY(read_cluster(TRY(entry(root_, "clusters", TRY(context.string("cluster")), "cluster"))));
        if (const std::string user = TRY(context.string_or("user", "")); !user.empty()) {
            TRY(read_user(TRY(entry(root_, "users", user, "user"))));
        }
        return std::move(access_);
    }

  private:
    fs::path absolute(const std::string &path) const {
        return path.starts_with('/') ? fs::path(path) : directory_ / path;
    }

    // NAME-data in base64, or the file that NAME says; `path` gets the latter.
    Result<std::string> read_pem(const YamlNode &from, const std::string &name, fs::path *path) const {
        if (const std::string data = TRY(from.string_or(name + "-data", "")); !data.empty()) {
            Result<std::string> text = base64_decoded(data);
            return text.has_value() ? text : wrong(TRY(from.at(name + "-data")), "\"" + name + "-data\" is no base64");
        }
        const std::string file = TRY(from.string_or(name, ""));
        if (file.empty()) {
            return "";
        }
        if (path != nullptr) {
            *path = absolute(file);
            TRY(open_file(*path, O_RDONLY).within(TRY(from.at(name)).where()));
            return "";
        }
        return read_file(absolute(file)).within(TRY(from.at(name)).where());
    }

    Status read_cluster(const YamlNode &cluster) {
        const YamlNode server = TRY(cluster.at("server"));
        const std::string text = TRY(server.as_string());
        Result<http::Url> url = http::parse_url(text.contains("://") ? text : "https://" + text);
        if (!url.has_value()) {
            return wrong(server, "\"server\": " + url.error().message);
        }
        access_.server = *url;
        if (!TRY(cluster.string_or("tls-server-name", "")).empty()) {
            return fail(ENOTSUP, TRY(cluster.at("tls-server-name")).where() +
                                     ": \"tls-server-name\" is not supported: name the server as its certificate does");
        }
        access_.tls.verify = !TRY(cluster.boolean_or("insecure-skip-tls-verify", false));
        access_.tls.authorities = TRY(read_pem(cluster, "certificate-authority", nullptr));
        access_.tls.only_those = !access_.tls.authorities.empty();
        const std::string proxy = TRY(cluster.string_or("proxy-url", ""));
        const http::ProxySettings settings = proxy.empty()
                                                 ? http::ProxySettings::from_environment()
                                                 : http::ProxySettings{.http = proxy, .https = proxy, .none = ""};
        access_.proxy = TRY(http::choose_proxy(settings, access_.server).within(cluster.where()));
        return {};
    }

    Status read_user(const YamlNode &user) {
        constexpr auto kRefused =
            std::to_array<const char *>({"exec", "auth-provider", "as", "as-uid", "as-groups", "as-user-extra"});
        for (const char *name : kRefused) {
            if (user.has(name)) {
                return fail(ENOTSUP, TRY(user.at(name)).where() + ": " + quote(name) +
                                         " is not supported: use a client certificate, a token or a token file");
            }
        }
        http::ClientTls &tls = access_.tls;
        tls.certificate_text = TRY(read_pem(user, "client-certificate", &tls.certificate));
        tls.key_text = TRY(read_pem(user, "client-key", &tls.key));
        TRY(even_certificate(user));
        access_.token = TRY(user.string_or("token", ""));
        if (const std::string file = TRY(user.string_or("tokenFile", "")); !file.empty()) {
            access_.token_file = absolute(file);
        }
        access_.user = TRY(user.string_or("username", ""));
        access_.password = TRY(user.string_or("password", ""));
        return {};
    }

    // Certificate and key are both texts or both files: one of each kind is made two texts.
    Status even_certificate(const YamlNode &user) {
        http::ClientTls &tls = access_.tls;
        const bool has_certificate = !tls.certificate.empty() || !tls.certificate_text.empty();
        const bool has_key = !tls.key.empty() || !tls.key_text.empty();
        if (has_certificate != has_key) {
            return wrong(user, "a client certificate and its key belong together: one of them is missing");
        }
        if (tls.certificate_text.empty() != tls.key_text.empty()) {
            std::string &missing = tls.certificate_text.empty() ? tls.certificate_text : tls.key_text;
            missing = TRY(read_file(tls.certificate_text.empty() ? tls.certificate : tls.key));
        }
        return {};
    }

    const YamlNode &root_;
    fs::path directory_;
    ApiAccess access_;
};

Result<ApiAccess> read(const YamlNode &root, const fs::path &file) {
    if (const std::string kind = TRY(root.string_or("kind", "Config")); kind != "Config") {
        return wrong(TRY(root.at("kind")), "\"kind\" must be Config, not " + quote(kind));
    }
    return Reader(root, file).read();
}

} // namespace

Result<ApiAccess> load_kubeconfig(const fs::path &file) { return read(TRY(YamlNode::load(file)), fs::absolute(file)); }

Result<ApiAccess> parse_kubeconfig(const std::string &text, const fs::path &file) {
    return read(TRY(YamlNode::parse(text, file)), file);
}

} // namespace ballast::agent
