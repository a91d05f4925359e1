"""A leaflet of an invented museum in five languages, a cover and one page for each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reportlab.lib.colors import HexColor
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph

from .common import Column, data_table, fill_rect, new_canvas, text_style, tint

SIZE = 566.9  # 200 mm, square
MARGIN = 40.0
NIGHT, BEAM, SEA, CREAM = "#14233f", "#f6c945", "#2d6e8e", "#fdf8ec"
BODY = text_style(9.7, "Sans", "#24303c", 14.6)
CELL = text_style(8.7, "Sans", "#24303c", 11.8)


@dataclass(frozen=True)
class Page:
    """The text of one language."""

    code: str
    accent: str
    title: str
    intro: str
    hours: tuple[str, tuple[tuple[str, str], ...]]
    prices: tuple[str, tuple[tuple[str, str], ...]]
    way: tuple[str, str]
    tours: tuple[str, str]
    special: tuple[str, str]


PAGES = (
    Page(
        "English",
        "#2d6e8e",
        "Museum of Light and Lighthouses",
        "In the old pilots' house at the harbour mouth of Skerrymouth, 340 lamps tell how people found their "
        "way at night: from a Roman oil lamp to the last lens that was still turned by hand, in 1978.",
        (
            "Opening hours",
            (
                ("April to October", "Tue to Sun 10:00–17:30"),
                ("November to March", "Wed to Sun 11:00–16:00"),
                ("Mondays, all of January", "closed"),
                ("Last entry", "45 minutes before closing"),
            ),
        ),
        (
            "Prices",
            (
                ("Adults", "€9.50"),
                ("Students, over 65", "€6.00"),
                ("Family (2 + 3)", "€22.00"),
                ("Children under 7", "free"),
                ("Tower, extra", "€3.00"),
            ),
        ),
        (
            "How to get there",
            "Tram 4 to the stop Pilot Steps, then five minutes on foot along the quay. There is no car park "
            "at the museum. Bicycles can be left in the yard, where pumps and tools are lent free of charge.",
        ),
        (
            "Guided tours in English",
            "Every day at 14:00, one hour, included in the ticket. Meet under the red buoy. Groups of more "
            "than twelve please book by telephone two days ahead.",
        ),
        (
            "Access for all",
            "A lift goes to the third floor. The lantern room cannot be reached by wheelchair, but a camera "
            "shows the view. Touch models and a sound trail for blind visitors are lent at the desk. Dogs "
            "are welcome in the garden only.",
        ),
    ),
    Page(
        "Deutsch",
        "#a4452c",
        "Museum der Lichter und Leuchttürme",
        "Im früheren Lotsenhaus an der Hafenmündung von Skerrymouth erzählen 340 Lampen, wie Menschen nachts "
        "ihren Weg fanden. Größtes Stück ist eine Gürtellinse von 2,60 Metern Höhe, die aus 1.176 Prismen "
        "besteht.",
        (
            "Öffnungszeiten",
            (
                ("April bis Oktober", "Di bis So 10:00–17:30"),
                ("November bis März", "Mi bis So 11:00–16:00"),
                ("montags, im ganzen Januar", "geschlossen"),
                ("Letzter Einlass", "45 Minuten vor Schluss"),
            ),
        ),
        (
            "Eintrittspreise",
            (
                ("Erwachsene", "9,50 €"),
                ("Ermäßigt, über 65", "6,00 €"),
                ("Familien (2 + 3)", "22,00 €"),
                ("Kinder unter 7", "frei"),
                ("Turm, zusätzlich", "3,00 €"),
            ),
        ),
        (
            "Anfahrt",
            "Mit dem Auto über die Küstenstraße bis zum Parkhaus Möwenplatz, 2,00 € je Stunde. Von dort "
            "führt ein Steg in acht Minuten zum Museum. Reisebusse halten am Fischmarkt, höchstens zwanzig "
            "Minuten.",
        ),
        (
            "Führungen auf Deutsch",
            "Samstags um 14:30 Uhr, Dauer 70 Minuten, ohne Aufpreis. Treffpunkt ist die Gürtellinse im Erdgeschoss.",
        ),
        (
            "Für Schulklassen",
            "In der Werkstatt „Wir schleifen eine Linse“ baut jedes Kind ein Fernrohr und nimmt es mit nach "
            "Hause. 75 Minuten, 4,50 € je Kind, Begleitpersonen frei. Für 8- bis 12-Jährige; bitte drei "
            "Wochen vorher anmelden.",
        ),
    ),
    Page(
        "Français",
        "#31528f",
        "Musée des lumières et des phares",
        "Dans l'ancienne maison des pilotes, à l'entrée du port de Skerrymouth, 340 lampes racontent comment "
        "on trouvait son chemin la nuit. Ne manquez pas la corne de brume de 1904, dont l'écho s'entendait à "
        "onze kilomètres.",
        (
            "Heures d'ouverture",
            (
                ("d'avril à octobre", "mar.–dim. 10 h–17 h 30"),
                ("de novembre à mars", "mer.–dim. 11 h–16 h"),
                ("le lundi et en janvier", "fermé"),
                ("Dernière entrée", "45 min avant la fermeture"),
            ),
        ),
        (
            "Tarifs",
            (
                ("Adultes", "9,50 €"),
                ("Étudiants, plus de 65 ans", "6,00 €"),
                ("Famille (2 + 3)", "22,00 €"),
                ("Moins de 7 ans", "gratuit"),
                ("Accès à la tour, en sus", "3,00 €"),
            ),
        ),
        (
            "Comment venir",
            "Par le bac depuis l'île aux Hérons : départ toutes les 40 minutes, traversée d'un quart "
            "d'heure, billet à 2,80 €. Le bac accoste juste devant l'entrée ; les vélos voyagent "
            "gratuitement.",
        ),
        (
            "Visites guidées en français",
            "Le premier dimanche du mois à 11 h, durée une heure, comprises dans le prix. Rendez-vous près "
            "de la corne de brume.",
        ),
        (
            "Fête de la mer",
            "Le 15 août à 18 h, six cornes de brume et un orchestre de cuivres jouent ensemble sur le quai. "
            "Le concert est gratuit. Le café La Vigie reste ouvert jusqu'à minuit et sert la soupe de "
            "poisson du gardien.",
        ),
    ),
    Page(
        "Español",
        "#b5781b",
        "Museo de la luz y los faros",
        "En la antigua casa de los prácticos, en la bocana del puerto de Skerrymouth, 340 lámparas cuentan "
        "cómo se encontraba el camino de noche. El libro más valioso es el diario de una farera, escrito "
        "durante treinta y un años.",
        (
            "Horario",
            (
                ("de abril a octubre", "mar. a dom. 10:00–17:30"),
                ("de noviembre a marzo", "mié. a dom. 11:00–16:00"),
                ("lunes y todo enero", "cerrado"),
                ("Última entrada", "45 minutos antes del cierre"),
            ),
        ),
        (
            "Precios",
            (
                ("Adultos", "9,50 €"),
                ("Estudiantes, más de 65 años", "6,00 €"),
                ("Familia (2 + 3)", "22,00 €"),
                ("Niños menores de 7 años", "gratis"),
                ("Torre, suplemento", "3,00 €"),
            ),
        ),
        (
            "Cómo llegar",
            "Desde el aeropuerto, autobús 31 hasta la plaza del Ancla, 25 minutos. Desde allí, diez minutos "
            "a pie siguiendo las farolas azules. El billete del autobús da un descuento de 1,00 € en la "
            "entrada.",
        ),
        (
            "Visitas guiadas en español",
            "Los viernes a las 12:00, una hora, incluidas en la entrada. Punto de encuentro: la campana del patio.",
        ),
        (
            "Subir a la torre",
            "Son 187 escalones y no hay ascensor. Pueden subir niños a partir de 8 años, siempre "
            "acompañados, y un máximo de quince personas a la vez. Con viento de más de 60 km/h la torre "
            "permanece cerrada.",
        ),
    ),
    Page(
        "Polski",
        "#7a2f54",
        "Muzeum Światła i Latarni Morskich",
        "W dawnym domu pilotów u wejścia do portu Skerrymouth 340 lamp opowiada, jak ludzie odnajdywali "
        "drogę w nocy. Najstarsza z nich, gliniana lampka oliwna, liczy prawie dziewiętnaście stuleci i "
        "wciąż świeci.",
        (
            "Godziny otwarcia",
            (
                ("od kwietnia do października", "wt.–niedz. 10:00–17:30"),
                ("od listopada do marca", "śr.–niedz. 11:00–16:00"),
                ("poniedziałki i cały styczeń", "zamknięte"),
                ("Ostatnie wejście", "45 minut przed zamknięciem"),
            ),
        ),
        (
            "Ceny biletów",
            (
                ("Dorośli", "9,50 €"),
                ("Studenci, powyżej 65 lat", "6,00 €"),
                ("Rodzinny (2 + 3)", "22,00 €"),
                ("Dzieci poniżej 7 lat", "bezpłatnie"),
                ("Wieża, dopłata", "3,00 €"),
            ),
        ),
        (
            "Jak dojechać",
            "Pociągiem do stacji Skerrymouth Główny, następnie pieszo około piętnastu minut przez Park "
            "Żeglarzy. Duży bagaż można zostawić w szatni; skrytka kosztuje 1,00 €.",
        ),
        (
            "Zwiedzanie po polsku",
            "W trzecią niedzielę miesiąca o godzinie 13:00, czas trwania 50 minut, w cenie biletu. Zbiórka "
            "przy szatni.",
        ),
        (
            "Wystawa czasowa",
            "„Bursztynowe światło”: sześćdziesiąt lamp z bursztynu, wypożyczonych z prywatnych zbiorów. "
            "Wystawę można oglądać do 30 listopada na drugim piętrze. Fotografowanie bez lampy błyskowej "
            "jest dozwolone.",
        ),
    ),
)


def lighthouse(canvas: Canvas, x: float, y: float, scale: float) -> None:
    """Draw a striped lighthouse on a rock with its foot at x, y."""
    canvas.saveState()
    canvas.translate(x, y)
    canvas.scale(scale, scale)
    beam = canvas.beginPath()
    for side in (-1, 1):
        beam.moveTo(0, 171)
        beam.lineTo(side * 330, 232)
        beam.lineTo(side * 330, 128)
        beam.close()
    canvas.setFillColor(HexColor(BEAM))
    canvas.setFillAlpha(0.32)
    canvas.drawPath(beam, stroke=0, fill=1)
    canvas.setFillAlpha(1)
    rock = canvas.beginPath()
    rock.moveTo(-120, -24)
    rock.curveTo(-70, 14, -44, 4, -30, 8)
    rock.lineTo(34, 8)
    rock.curveTo(66, 8, 84, -6, 130, -24)
    rock.close()
    canvas.setFillColor(HexColor("#0c1528"))
    canvas.drawPath(rock, stroke=0, fill=1)
    for i in range(6):
        low, high = 30 - i * 2.3, 30 - (i + 1) * 2.3
        band = canvas.beginPath()
        band.moveTo(-low, 5 + i * 25)
        band.lineTo(low, 5 + i * 25)
        band.lineTo(high, 30 + i * 25)
        band.lineTo(-high, 30 + i * 25)
        band.close()
        canvas.setFillColor(HexColor("#c8412f" if i % 2 == 0 else "#fbf7ee"))
        canvas.drawPath(band, stroke=0, fill=1)
    fill_rect(canvas, -22, 154, 44, 5, "#0c1528")
    fill_rect(canvas, -12, 159, 24, 24, BEAM)
    canvas.setStrokeColor(HexColor("#0c1528"))
    canvas.setLineWidth(1.6)
    for bar in (-12, -4, 4, 12):
        canvas.line(bar, 159, bar, 183)
    roof = canvas.beginPath()
    roof.moveTo(-17, 183)
    roof.lineTo(17, 183)
    roof.lineTo(0, 204)
    roof.close()
    canvas.setFillColor(HexColor("#c8412f"))
    canvas.drawPath(roof, stroke=0, fill=1)
    canvas.restoreState()


def waves(canvas: Canvas, top: float) -> None:
    """Draw three rows of waves."""
    for row, color in enumerate(("#1f4a6b", SEA, "#4a93ae")):
        wave = canvas.beginPath()
        y = top - row * 26
        wave.moveTo(-20 - row * 22, y)
        for i in range(12):
            x = -20 - row * 22 + i * 56
            wave.curveTo(x + 18, y + 16, x + 38, y + 16, x + 56, y)
        wave.lineTo(SIZE + 60, 0)
        wave.lineTo(-60, 0)
        wave.close()
        canvas.setFillColor(HexColor(color))
        canvas.drawPath(wave, stroke=0, fill=1)


def cover(canvas: Canvas) -> None:
    """Draw the cover."""
    fill_rect(canvas, 0, 0, SIZE, SIZE, NIGHT)
    canvas.setFillColor(HexColor("#ffffff"))
    for i in range(46):
        x, y = (i * 127 + 31) % SIZE, 300 + (i * 71) % 260
        if x > 350 or y < SIZE - 160:  # not behind the title
            canvas.circle(x, y, 0.6 + (i % 3) * 0.4, stroke=0, fill=1)
    lighthouse(canvas, 300, 108, 1.35)
    waves(canvas, 92)
    canvas.setFillColor(HexColor("#ffffff"))
    canvas.setFont("Serif-Bold", 34)
    canvas.drawString(MARGIN, SIZE - 74, "Light and")
    canvas.drawString(MARGIN, SIZE - 114, "Lighthouses")
    canvas.setFont("Serif-Italic", 13)
    canvas.setFillColor(HexColor(BEAM))
    canvas.drawString(MARGIN, SIZE - 140, "The museum at the harbour mouth of Skerrymouth")
    canvas.setFillColor(HexColor("#ffffff"))
    canvas.setFont("Sans", 9.5)
    canvas.drawCentredString(SIZE / 2, 20, "Welcome  ·  Willkommen  ·  Bienvenue  ·  Bienvenidos  ·  Witamy")


def language_page(canvas: Canvas, page: Page) -> None:
    """Draw the page of one language."""
    canvas.showPage()
    number = canvas.getPageNumber()
    fill_rect(canvas, 0, 0, SIZE, SIZE, CREAM)
    fill_rect(canvas, 0, SIZE - 128, SIZE, 128, page.accent)
    canvas.saveState()
    clip = canvas.beginPath()
    clip.rect(0, SIZE - 128, SIZE, 128)
    canvas.clipPath(clip, stroke=0)
    lighthouse(canvas, SIZE - 74, SIZE - 128, 0.56)
    canvas.restoreState()
    head = Column(canvas, MARGIN, SIZE - 22, SIZE - 190, 0)
    head.text(page.code.upper(), text_style(7.6, "Sans-Bold", BEAM, 10), after=3)
    head.text(page.title, text_style(17.5, "Serif-Bold", "#ffffff", 21), after=5)
    head.text(page.intro, text_style(8, "Sans", "#ffffff", 11.2))
    if head.y < SIZE - 126:
        raise OverflowError(f"{page.code}: the introduction runs out of its band")
    title = text_style(12, "Serif-Bold", page.accent, 14)
    half = (SIZE - 2 * MARGIN - 24) / 2
    left = Column(canvas, MARGIN, SIZE - 148, half, 52)
    right = Column(canvas, MARGIN + half + 24, SIZE - 148, half, 52)
    for column, (name, rows), share in ((left, page.hours, 0.42), (right, page.prices, 0.7)):
        column.text(name, title, after=3)
        cells = [
            ["", ""],
            *([Paragraph(key, CELL), Paragraph(f"<b>{value}</b>", CELL)] for key, value in rows),
        ]
        table = data_table(
            cells[1:],
            [half * share, half * (1 - share)],
            font="Sans",
            size=8,
            accent=page.accent,
            left_cols=[0, 1],
            solid_head=False,
            padding=4.4,
            extra=[("LINEBELOW", (0, 0), (-1, 0), 0.3, tint(page.accent, 0.35))],
        )
        column.put(table, 14)
    low = min(left.y, right.y)
    left.y = right.y = low
    for column, (name, text) in ((left, page.way), (right, page.tours)):
        column.text(name, title, after=3)
        column.text(text, BODY, after=12)
    y = min(left.y, right.y) - 4
    note = Paragraph(page.special[1], BODY)
    _, height = note.wrapOn(canvas, SIZE - 2 * MARGIN - 32, 1000)
    canvas.setFillColor(tint(page.accent, 0.14))
    canvas.roundRect(MARGIN, y - height - 46, SIZE - 2 * MARGIN, height + 46, 8, stroke=0, fill=1)
    box = Column(canvas, MARGIN + 16, y - 12, SIZE - 2 * MARGIN - 32, 48)
    box.text(page.special[0], title, after=4)
    box.text(page.special[1], BODY)
    fill_rect(canvas, 0, 0, SIZE, 34, NIGHT)
    canvas.setFillColor(HexColor("#ffffff"))
    canvas.setFont("Sans", 7.6)
    canvas.drawString(MARGIN, 13, "Pilot Steps 1, Skerrymouth   ·   0550 0188")
    canvas.drawRightString(SIZE - MARGIN, 13, str(number))


def build(path: Path) -> None:
    """Write the leaflet."""
    canvas = new_canvas(path, (SIZE, SIZE), "Museum of Light and Lighthouses", "Museum of Light and Lighthouses", "mul")
    cover(canvas)
    for page in PAGES:
        language_page(canvas, page)
    canvas.save()
