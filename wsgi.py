from cellbank import create_app

app = create_app()
