# What the rules beside this file must find (ruleid) and let through (ok). `make security` compares; nobody runs it.


def pbx(writer, transport, caller, command):
    # ruleid: pbx-is-written-to-at-one-place
    writer.write(f"SET VARIABLE X {caller}")
    # ruleid: pbx-is-written-to-at-one-place
    transport.write(caller.encode())
    # ok: pbx-is-written-to-at-one-place
    writer.write(command)


def originate(client, number):
    # ruleid: no-application-is-run-on-the-pbx
    client.send("Originate", {"Channel": number, "Application": "System"})
    # ok: no-application-is-run-on-the-pbx
    client.send("Originate", {"Channel": number, "Context": "leadgate"})


def tls(context, session):
    # ruleid: tls-is-verified
    context.verify_mode = ssl.CERT_NONE
    # ruleid: tls-is-verified
    context.check_hostname = False
    # ruleid: tls-is-verified
    session.get("https://x", ssl=False)
    # ok: tls-is-verified
    ssl.create_default_context(cafile="ca.pem")


def database(connection, name):
    # ruleid: no-sql-is-made-of-text
    connection.execute(f"SELECT 1 FROM lead WHERE name = '{name}'")
    # ruleid: no-sql-is-made-of-text
    text("SELECT 1 FROM " + name)
    # ok: no-sql-is-made-of-text
    connection.execute(text("SELECT 1 FROM lead WHERE name = :name"), {"name": name})


def page(name):
    # ruleid: no-markup-is-made-of-text
    Markup(name)
    # ok: no-markup-is-made-of-text
    Markup("<br>").join([name])


def programs(name):
    # ruleid: no-shell
    subprocess.run(f"ls {name}", shell=True)
    # ok: no-shell
    subprocess.run(["ls", name])
    # ruleid: nothing-is-executed-or-unpickled
    eval(name)
    # ruleid: nothing-is-executed-or-unpickled
    pickle.loads(name)


def logs(settings, password):
    # ruleid: no-secret-is-logged
    log.info("%s", settings.password)
    # ruleid: no-secret-is-logged
    log.info("%s", password)
    # ok: no-secret-is-logged
    log.info("%s", settings.name)


def letters(raw):
    # ruleid: letters-are-not-parsed-by-the-default-policy
    email.message_from_bytes(raw)


def outside(session, url):
    # ruleid: no-redirect-is-followed
    session.get(url, allow_redirects=True)
    # ruleid: no-redirect-is-followed
    session.get(url, timeout=1)
    # ok: no-redirect-is-followed
    session.get(url, timeout=1, allow_redirects=False)


def cookies(response):
    # ruleid: cookies-are-set-at-one-place
    response.set_cookie("a", "b")


def hashes(data):
    # ruleid: no-weak-hash
    hashlib.md5(data)
    # ok: no-weak-hash
    hashlib.md5(data, usedforsecurity=False)
    # ok: no-weak-hash
    hashlib.sha256(data)
