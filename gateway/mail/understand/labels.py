"""Words of mail programs in the languages their users write in: header labels, forward marks, reply attributions.

Pure tables; the code that uses them is in blocks.py, history.py and form.py. Russian, Ukrainian and English are
complete for the programs we know (Gmail, Outlook, Apple Mail, Thunderbird, Yandex, Mail.ru, Yahoo); the others
cover their commonest forms.
"""

from __future__ import annotations

_HEADER_LABELS = {
    "from": (
        "from, от, от кого, отправитель, отправлено от, від, від кого, відправник, von, de, da, van, od, "
        "fra, från, lähettäjä, feladó, šalje, kimden, "
        "de la, expeditorul, saatja, nadawca, mittente, gönderen, 送信元, 差出人, 发件人, expéditeur, remitente, "
        "remetente, avsändare, absender, afzender"
    ),
    "to": (
        "to, кому, получатель, куда, an, para, a, à, til, till, komu, vastaanottaja, aan, kime, do, címzett, "
        "prima, pre, 送信先, 宛先, 收件人, "
        "pour, destinatarul, către, adresat, destinatario, empfänger, alıcı, saaja"
    ),
    "cc": "cc, копия, копія, kopie, kopia, kopio, kópia, kopi, kopie (cc), dw, bilgi, másolatot kap, másolat, "
    "copie à, copia, cópia, 抄送, kopija",
    "subject": (
        "subject, тема, тема письма, betreff, asunto, assunto, emne, ämne, temat, predmet, onderwerp, "
        "oggetto, aihe, tárgy, předmět, konu, 件名, 主题, "
        "sujet, subiectul, subiect, objet, naslov, teema, re"
    ),
    "date": (
        "date, дата, отправлено, послано, надіслано, sent, datum, data, dátum, dato, tarih, fecha, "
        "päivämäärä, dată, päiväys, gesendet, envoyé, "
        "enviado, enviado el, enviada em, inviato, skickat, sendt, verzonden, wysłano, odesláno, odoslané, "
        "gönderildi, trimis, lähetetty, 送信日時, 日期, "
        "发送时间, elküldve, kuupäev, sendt, datum/tijd, message du"
    ),
    "reply-to": "reply-to, обратный адрес, antwort an, répondre à, responder a, rispondi a, odpověď na",
}


def _index(table: dict[str, str]) -> dict[str, str]:
    return {label.strip(): name for name, labels in table.items() for label in labels.split(",")}


HEADER_LABELS = _index(_HEADER_LABELS)
"""A label as mail programs print it above a quoted letter, lower case -> ``from``, ``to``, ``cc``, ``subject``,
``date``, ``reply-to``.
"""

FORWARD_MARKS = (
    r"forwarded (?:message|mail|email)|begin forwarded message|начало (?:пересылаемого|переадресованного"
    r"|перенаправленного) сообщения"
    r"|(?:пересылаемое|переадресованное|перенаправленное|пересланное) (?:сообщение|письмо)|конец "
    r"пересылаемого сообщения"
    r"|(?:переслане|перенаправлене|пересилане) повідомлення|початок (?:листа|повідомлення), що пересилається"
    r"|weitergeleitete nachricht|anfang der weitergeleiteten nachricht|mensaje reenviado|inicio del mensaje reenviado"
    r"|mensagem (?:encaminhada|reencaminhada)|início da mensagem (?:encaminhada|reencaminhada)|message "
    r"(?:transféré|transmis)"
    r"|début du message (?:réexpédié|transféré)|messaggio inoltrato|inizio messaggio inoltrato|doorgestuurd bericht"
    r"|begin doorgestuurd bericht|vidarebefordrat (?:meddelande|mejl)|videresendt (?:melding|meddelelse|besked)"
    r"|start på videresendt besked|välitetty viesti(?: alkaa| / fwd\.msg)?|edelleenlähetetty viesti"
    r"|továbbított (?:üzenet|levél kezdete)"
    r"|přeposlaná zpráva|začátek přeposílané zprávy|preposlaná správa|začiatok preposlanej správy|proslijeđena poruka"
    r"|započni proslijeđenu poruku|mesaj redirecționat|începe mesajul redirecționat|i̇letilen i̇leti"
    r"|i̇letilmiş mesaj|i̇leti başlangıcı"
    r"|iletilen ileti|iletilmiş mesaj|ileti başlangıcı|wiadomość przesłana dalej|przekazana wiadomość|treść "
    r"przekazanej wiadomości"
    r"|początek przekazywanej wiadomości|メッセージを転送|转发的邮件|转发邮件信息|edastatud kiri"
)
"""Inside of ``---------- Forwarded message ---------``; regular expression, lower case."""

ORIGINAL_MARKS = (
    r"original message|original appointment|исходное сообщение|оригинальное сообщение|первоначальное "
    r"сообщение|исходное письмо|вихідне повідомлення"
    r"|ursprüngliche nachricht|originalnachricht|message d'origine|message original|mensaje original"
    r"|mensagem original|messaggio originale"
    r"|oorspronkelijk bericht|ursprungligt meddelande|originalmeddelande|oprindelig (?:meddelelse|besked)"
    r"|opprinnelig melding|alkuperäinen viesti"
    r"|oryginalna wiadomość|původní zpráva|pôvodná správa|eredeti üzenet|orijinal mesaj|mesaj original|reply "
    r"message|原始邮件|元のメッセージ"
)
"""Inside of ``-----Original Message-----``; regular expression, lower case."""

WROTE = (
    r"wrote|writes|napisał(?:\(a\)|a)?|napsal(?:\(a\)|a)?|napísal(?:\(a\)|a)?|написал(?:\(а\)|а|и)?|пишет"
    r"|писал(?:\(а\)|а)?|написав(?:\(ла\)|ла)?|пише|сообщил(?:а)?"
    r"|schrieb|schreef|geschreven|a écrit|écrit|escribió|escreveu|ha scritto|scritto|scrisse|skrev|kirjoitti"
    r"|írta|yazdı|pisze|a scris"
    r"|skrifaði|写道|のメール|寫道"
)
"""The verb of ``On Monday Ivan <ivan@x> wrote:``."""

REPLY_PREFIX = r"(?:re|aw|sv|vs|ответ|отв|нa|на|відп|odp|ant|antw|rif|vá|ynt|atb|回复|答复)(?:\[\d+\]|\s*\(\d+\))?\s*:"
FORWARD_PREFIX = (
    r"(?:fwd?|fw|пер|пересл|переслано|прсл|пд|wg|tr|rv|vl|vs|vb|vidarebef|vid|i|enc|pd|redir\.?|videresend|i̇lt|ilt"
    r"|továbbítás|转发)(?:\[\d+\])?\s*:"
)
"""What a subject begins with; regular expressions, lower case."""

SENT_FROM = (
    r"sent (?:from|via|with|by|using) |<*\(?sent (?:from|by|via) |from my (?:iphone|ipad|android|phone"
    r"|mobile)|get \[?outlook for|(?:someone )?from mobile"
    r"|отправлено (?:с|со|из|от|через)\s|послано (?:с|из)\s|отправлено mail\.?ru|надіслано (?:з|із)\s|написано с\s"
    r"|envoyé (?:depuis|à partir|de mon)|von mein(?:em|er) .{1,40}gesendet|gesendet (?:von|mit)|diese "
    r"nachricht wurde von mein|enviado (?:desde|do|a partir)"
    r"|inviato (?:da|dal)|verzonden (?:met|vanaf|van)|verstuurd vanaf|skickat från|skickades från|sendt fra"
    r"|lähetetty |wysłane z|odesláno z"
    r"|從我的|从我的|télécharger outlook|outlook für (?:ios|android)|holen sie sich outlook|obtener outlook"
    r"|загрузить outlook|скачать outlook"
)
"""The beginning of the line that a phone or a mail program adds; regular expression, lower case."""

CLOSINGS = (
    r"с (?:наилучшими )?(?:уважением|пожеланиями)|с наилучшими(?: пожеланиями)?|всего (?:доброго|хорошего"
    r"|наилучшего)|с благодарностью|з повагою|"
    r"(?:best|kind|warm|kindest|warmest|many) (?:regards|wishes|thanks)|(?:br|regards|sincerely|cheers|yours "
    r"(?:truly|sincerely|faithfully)|respectfully)|sincerely yours"
    r"|with (?:best |kind )?regards|mit (?:freundlichen|lieben|besten) grü(?:ß|ss)en|cordialement|bien "
    r"cordialement|saludos|atentamente|cordiali saluti|met vriendelijke groet"
)
"""Closing words that begin a signature; regular expression, lower case."""
